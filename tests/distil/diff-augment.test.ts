import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { openBackend } from '../../cli/backend';
import { augmentationInputs, diffAugment, drawAugmentation } from '../../src/distil/diff-augment';
import { RandomStream } from '../../src/distil/random';
import { toNCHW } from '../../src/nn/denoiser';
import { Graph, type Node } from '../../src/nn/plan/graph';
import { augmented } from '../../src/nn/plan/training/augment';
import { gradients } from '../../src/nn/plan/training/differentiate';
import { StepOps } from '../../src/nn/plan/training/scope';
import '../../src/nn/tf/gradients';
import { ReferenceGraph } from '../plan/reference-graph';
import { FIXTURES, maxError, readGolden } from '../support/fixtures';

/** Against plain PyTorch (tests/fixtures/make_augment.py): numbers, values and gradients. */
const golden = readGolden(join(FIXTURES, 'method/augment.golden.safetensors'));
const BACKENDS = process.env.INNATE_TEST_BACKENDS?.split(',') ?? ['wasm', 'cpu'];
const CASES = [...new Set(golden.names().map((name) => name.split('.')[0]!))];

describe.each(BACKENDS as ('wasm' | 'cpu' | 'webgpu')[])('DiffAugment on %s', (backend) => {
  it.each(CASES)('%s images', async (name) => {
    await openBackend(backend);
    const [n, channels, height, width] = golden.shape(`${name}.images`) as [number, number, number, number];
    const shape: [number, number, number, number] = [n, height, width, channels];
    const numbers = drawAugmentation(new RandomStream(5, 'augment', 8), shape);
    expect(Object.values(numbers).flatMap((values) => [...values])).toEqual([
      ...golden.float(`${name}.numbers`),
    ]);
    const drawn = (seed: number) =>
      tf.tensor4d(
        new RandomStream(seed, 'featureNoise', 0)
          .uniforms(n * channels * height * width)
          .map((u) => 2 * u - 1),
        shape,
      );
    const [x, cotangent] = [drawn(77), drawn(78)];
    const held = tf.memory().numTensors;
    const published = async (t: tf.Tensor) =>
      (await tf.tidy(() => tf.transpose(t, [0, 3, 1, 2])).data()) as Float32Array;
    const y = tf.tidy(() => diffAugment(x, numbers));
    const dx = tf.grad((input: tf.Tensor) =>
      tf.sum(tf.mul(diffAugment(input as tf.Tensor4D, numbers), cotangent)),
    )(x);
    expect(tf.memory().numTensors).toBe(held + 2);
    expect(maxError(await published(y), golden.float(`${name}.images`))).toBeLessThan(2e-6);
    expect(maxError(await published(dx), golden.float(`${name}.gradient`))).toBeLessThan(2e-6);
    tf.dispose([x, cotangent, y, dx]);
  });
});

it.each(CASES)('%s images as a recorded step sees them', (name) => {
  const [n, channels, height, width] = golden.shape(`${name}.images`) as [number, number, number, number];
  const shape = [n, height, width, channels] as const;
  const graph = new Graph();
  const ops = new StepOps(() => undefined, { graph });
  const [x, cotangent] = ['x', 'cotangent'].map((of) => ops.input(of, { height, width, channels })) as [
    Node,
    Node,
  ];
  const inputs = new Map<string, Float32Array>(
    augmentationInputs(drawAugmentation(new RandomStream(5, 'augment', 8), shape), shape),
  );
  for (const [of, seed] of [
    ['x', 77],
    ['cotangent', 78],
  ] as const)
    inputs.set(
      of,
      new RandomStream(seed, 'featureNoise', 0).uniforms(n * channels * height * width).map((u) => 2 * u - 1),
    );
  const named = new Map<string, Node>();
  const y = augmented(ops, x, (of, own) => {
    const node = named.get(of) ?? ops.input(of, own);
    named.set(of, node);
    return node;
  });
  const dx = gradients(graph, y, [x], cotangent).get(x)!;
  const values = new ReferenceGraph(n, inputs, new Map()).run(graph, [y, dx]);
  const published = (node: Node) => toNCHW(Float32Array.from(values.get(node)!), n, channels, height * width);
  expect(maxError(published(y), golden.float(`${name}.images`))).toBeLessThan(2e-6);
  expect(maxError(published(dx), golden.float(`${name}.gradient`))).toBeLessThan(2e-6);
});
