import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { GpuContext } from '../../src/gpu/context';
import { Graph } from '../../src/nn/plan/graph';
import { gradients } from '../../src/nn/plan/training/differentiate';
import { opsOn, parametersOf } from '../../src/nn/plan/training/scope';
import { WebGpuIterations } from '../../src/nn/plan/training/webgpu/executor';
import { activateWebGpu, webgpuWanted } from '../support/webgpu';
import { noise } from './kernel-cases';
import { ReferenceGraph } from './reference-graph';

/** Depthwise convolutions and their transposes, of every stride, padding and odd size, on WebGPU against float64. */

const BATCH = 2;
const CHANNELS = 12;

describe.skipIf(!webgpuWanted)('depthwise convolutions on webgpu', () => {
  let context: GpuContext;
  const errors: string[] = [];
  beforeAll(async () => {
    context = (await activateWebGpu(errors)).gpu!;
  });
  afterAll(() => expect(errors).toEqual([]));

  it.each([
    { kernel: 3, stride: 1, pad: 1, padEnd: 1 },
    { kernel: 3, stride: 2, pad: 0, padEnd: 1 }, // TensorFlow's padding of even sizes
    { kernel: 3, stride: 2, pad: 1, padEnd: 1 },
    { kernel: 5, stride: 2, pad: 1, padEnd: 2 },
    { kernel: 5, stride: 2, pad: 2, padEnd: 2 },
    { kernel: 3, stride: 3, pad: 1, padEnd: 1 },
    { kernel: 2, stride: 3, pad: 0, padEnd: 0 }, // some pixels meet no tap
  ])(
    '$kernel x $kernel, stride $stride, pad $pad',
    { timeout: 120_000 },
    async ({ kernel, stride, ...pads }) => {
      for (const size of [
        { height: 8, width: 8 },
        { height: 7, width: 10 },
      ]) {
        const graph = new Graph();
        const ops = opsOn(
          graph,
          parametersOf(graph, '', () => [CHANNELS, 1, kernel, kernel]),
        );
        const x = ops.input('x', { ...size, channels: CHANNELS });
        const geometry = { stride, ...pads, depthwise: true, bias: false };
        const y = ops.activate(ops.convolution(ops.activate(x, 'relu6'), 'a', geometry), 'relu6');
        const dx = gradients(graph, y, [x], ops.input('cotangent', y.shape)).get(x)!;
        const iteration = {
          graph,
          carried: new Map(),
          reports: new Map(),
          updates: [],
          moving: new Set<string>(),
          sums: new Map(),
          results: new Map([
            ['y', y],
            ['dx', dx],
          ]),
        };
        const step = new WebGpuIterations(context, 'lavapipe');
        await step.prepare('step', { iteration, batch: BATCH });
        const count = ({ height, width }: { height: number; width: number }) =>
          BATCH * height * width * CHANNELS;
        const weight = noise(CHANNELS * kernel ** 2, 1);
        const inputs = new Map([
          ['x', noise(count(size), 2).map((v) => 3 * v)],
          ['cotangent', noise(count(y.shape), 3)],
        ]);
        step.write('a.weight', weight);
        step.poison();
        const found = await step.compute('step', inputs);
        const state = new Map([['a.weight', Float64Array.from(weight)]]);
        const expected = new ReferenceGraph(BATCH, inputs, state).run(graph, [y, dx]);
        for (const [name, node] of iteration.results) {
          const values = expected.get(node)!;
          const top = values.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
          expect(top).toBeGreaterThan(0.1);
          const error = values.reduce((m, v, i) => Math.max(m, Math.abs(found.get(name)![i]! - v)), 0);
          expect(error, `${name}, ${size.height} x ${size.width}`).toBeLessThan(1e-5 * top);
        }
        step.dispose();
      }
    },
  );
});
