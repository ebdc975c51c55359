import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBackend } from '../../cli/backend';
import type { StepReport } from '../../src/distil/curve';
import type { StepKind } from '../../src/distil/executor';
import { DistilTrainer } from '../../src/distil/trainer';
import { checkFinite, Diverged } from '../../src/engine/distil/errors';
import { GpuContext } from '../../src/gpu/context';
import type { TrainingDtype } from '../../src/lib/backends';
import { Graph, type Node } from '../../src/nn/plan/graph';
import { gradients } from '../../src/nn/plan/training/differentiate';
import type { OpenExecutor } from '../../src/nn/plan/training/executor';
import { opsOn, parametersOf, type StepOps } from '../../src/nn/plan/training/scope';
import type { Iteration } from '../../src/nn/plan/training/settings';
import { WebGpuIterations } from '../../src/nn/plan/training/webgpu/executor';
import { StepProgram } from '../../src/nn/plan/training/webgpu/step';
import { drawnWeights } from '../support/drawn';
import { TILINGS } from '../support/tilings';
import { activateWebGpu, webgpuWanted } from '../support/webgpu';
import { noise } from './kernel-cases';
import { ReferenceGraph } from './reference-graph';
import { expectCurve, type MiniChoice, miniParts, resumed, stepsOf } from './training-run';

/**
 * Mixed precision: every kernel that reads or writes halves against its definition in float64, and runs against those in
 * float32. Memory is poisoned and every error of the device fails the test.
 */

const BATCH = 2;
const CHANNELS = 16;
const MAP = { height: 6, width: 10, channels: CHANNELS };
const SHAPES: Record<string, readonly number[]> = {
  'first.weight': [CHANNELS, CHANNELS, 3, 3],
  'first.bias': [CHANNELS],
  'second.weight': [CHANNELS, CHANNELS, 3, 3],
  'strided.weight': [CHANNELS, CHANNELS, 4, 4],
  'depthwise.weight': [CHANNELS, 1, 3, 3],
  'walked.weight': [CHANNELS, 1, 3, 3],
  'norm.weight': [CHANNELS],
  'norm.bias': [CHANNELS],
  'qkv.weight': [3 * CHANNELS, CHANNELS, 1, 1],
  'joined.weight': [CHANNELS, 2 * CHANNELS, 1, 1],
};

interface Graphed {
  /** Kernels that read or write halves, by the beginning of their names, beside the products. */
  kernels: readonly string[];
  moving: readonly string[];
  build(ops: StepOps, x: Node): Node;
}

const same = { stride: 1, pad: 1, padEnd: 1, bias: false };
const pointwise = { ...same, pad: 0, padEnd: 0 };

/** What a network is made of, in a few graphs; each begins and ends with float32, as images and logits are. */
const GRAPHS: Record<string, Graphed> = {
  products: {
    kernels: ['filter gradient'],
    moving: ['first.weight', 'first.bias', 'second.weight'],
    build(ops, x) {
      const first = ops.activate(ops.convolution(x, 'first', { ...same, bias: true }), 'leakyRelu');
      const second = ops.scale(ops.add(ops.convolution(first, 'second', same), first), 0.7);
      return ops.convolution(second, 'second', same);
    },
  },
  'other convolutions': {
    kernels: ['depthwise 3', 'depthwise transposed', 'filter gradient'],
    moving: ['first.weight', 'strided.weight'],
    build(ops, x) {
      const first = ops.activate(ops.convolution(x, 'first', { ...same, bias: true }), 'leakyRelu');
      const walked = ops.convolution(first, 'walked', { ...same, stride: 2, depthwise: true });
      const depthwise = ops.activate(
        ops.convolution(walked, 'depthwise', { ...same, depthwise: true }),
        'relu6',
      );
      return ops.convolution(depthwise, 'strided', { ...same, stride: 2 });
    },
  },
  'norms and attention': {
    kernels: ['norm ', 'norm gradient'],
    moving: ['first.weight', 'qkv.weight', 'second.weight'],
    build(ops, x) {
      const first = ops.convolution(x, 'first', { ...same, bias: true });
      const normed = ops.silu(ops.groupNorm(first, 'norm', { groups: 2, eps: 1e-5 }));
      const attended = ops.attention(ops.convolution(normed, 'qkv', pointwise), 1);
      return ops.convolution(ops.add(attended, first), 'second', same);
    },
  },
  'resampling and sums': {
    kernels: ['banded', 'expression', 'channel sums', 'pixel sums'],
    moving: ['first.weight', 'joined.weight', 'second.weight'],
    build(ops, x) {
      const first = ops.convolution(x, 'first', { ...same, bias: true });
      const down = ops.downsample(first, [0.25, 0.25], 0);
      const wide = ops.concat(ops.upsample(down, [0.5, 0.5]), ops.silu(first));
      const joined = ops.activate(ops.convolution(wide, 'joined', pointwise), 'leakyRelu');
      const shifted = ops.addVector(joined, ops.mean(joined));
      const dot = ops.dotVector(
        ops.silu(shifted),
        ops.input('v', { height: 0, width: 0, channels: CHANNELS }),
      );
      return ops.concat(ops.convolution(shifted, 'second', same), dot);
    },
  },
};

function record({ build, moving }: Graphed): Iteration {
  const graph = new Graph();
  const parameters = parametersOf(graph, '', (name) => SHAPES[name]);
  const ops = opsOn(graph, parameters);
  const y = build(ops, ops.input('x', MAP));
  const leaves = moving.map((name) => parameters.node(name));
  const loss = ops.scale(ops.total(ops.pixelDot(y, ops.input('cotangent', y.shape))), 2 ** -10);
  const found = gradients(graph, loss, leaves);
  const carried = new Map(moving.map((name, i) => [`gradient ${name}`, found.get(leaves[i]!)!]));
  for (const [name, { shape }] of carried) graph.parameter(name, shape.whole!);
  return {
    graph,
    carried,
    reports: new Map(),
    updates: [],
    moving: new Set(moving),
    sums: new Map(),
    results: new Map([['y', y]]),
  };
}

const largest = (values: ArrayLike<number>) =>
  Array.from(values).reduce((most, v) => Math.max(most, Math.abs(v)), 0);

describe.skipIf(!webgpuWanted)('mixed precision on webgpu', () => {
  let context: GpuContext;
  const errors: string[] = [];
  beforeAll(async () => {
    context = (await activateWebGpu(errors)).gpu!;
    await openBackend('wasm'); // heads are drawn on it
  });
  afterAll(() => {
    expect(errors).toEqual([]);
    expect(context.memory.breakdown()).toEqual({ weights: 0, activations: 0, transfer: 0 });
  });

  // Beside products the kernels are the same in all tilings, but for the unit: shared tiles compile for long.
  describe.each(Object.keys(TILINGS))('%s tiles', (tiling) => {
    const names = Object.keys(GRAPHS).slice(0, { register: 2, shared: 1 }[tiling]);
    it.each(names)('%s', { timeout: 600_000 }, async (name) => {
      const graphed = GRAPHS[name]!;
      const traits = TILINGS[tiling] ?? context.traits;
      const iteration = record(graphed);
      const options = { traits, software: true, maxBinding: 2 ** 27, mixed: true };
      const shared = { leaves: new Map(), gradients: new Map(), filters: new Map() };
      const { calls } = new StepProgram({ iteration, batch: BATCH }, options, shared).site.program;
      const inHalves = calls.map(({ kernel }) => kernel.name).filter((kernel) => / halves of /.test(kernel));
      for (const kernel of [
        ...graphed.kernels,
        name === 'products' && traits.winograd ? 'winograd input' : traits.tile.kind,
      ])
        expect(
          inHalves.some((found) => found.startsWith(kernel)),
          `${kernel} in ${inHalves}`,
        ).toBe(true);

      const weights = drawnWeights(SHAPES, 5);
      const state = new Map(
        Object.keys(SHAPES).map((key) => [key, Float64Array.from(weights.read(key))] as const),
      );
      for (const key of iteration.carried.keys())
        state.set(key, new Float64Array(SHAPES[key.slice(9)]!.reduce((a, b) => a * b)));
      const y = iteration.results!.get('y')!;
      const pixels = BATCH * MAP.height * MAP.width;
      const inputs = new Map([
        ['x', noise(pixels * CHANNELS, 1)],
        ['v', noise(BATCH * CHANNELS, 2)],
        ['cotangent', noise(BATCH * y.shape.height * y.shape.width * y.shape.channels, 3)],
      ]);
      const nodes = [y, ...iteration.carried.values()];
      const expected = new ReferenceGraph(BATCH, inputs, state).run(iteration.graph, nodes);

      const used = new GpuContext(context.device, true, traits, true);
      const step = new WebGpuIterations(used, 'lavapipe', 'f16');
      await step.prepare('step', { iteration, batch: BATCH });
      expect(step.precision).toEqual({ dtype: 'f16', instead: null });
      for (const leaf of step.names()) if (state.has(leaf)) step.write(leaf, state.get(leaf)!);
      step.poison();
      const found = new Map<string, ArrayLike<number>>(await step.compute('step', inputs));
      for (const key of iteration.carried.keys()) found.set(key, await step.read(key));
      for (const [key, node] of [['y', y] as const, ...iteration.carried]) {
        const [ours, theirs] = [found.get(key)!, expected.get(node)!];
        const error = largest(theirs.map((v, i) => v - ours[i]!)) / largest(theirs);
        expect(error, key).toBeLessThan(4e-3); // eight roundings to 11 bits
      }
      step.dispose();
    });
  });

  const precisions: OpenExecutor = async (dtype) => new WebGpuIterations(context, 'lavapipe', dtype);
  const both = (count: number): StepKind[] => Array.from({ length: count }, () => 'both');
  const parts = (dtype: TrainingDtype, choice: Partial<MiniChoice> = {}) => ({
    ...miniParts({ heads: 'small', warmUp: 16, emaHalfLife: 40, clipFakes: false, dtype, ...choice }),
    plan: precisions,
  });
  const mean = (reports: readonly StepReport[], loss: 'lossG' | 'lossD') =>
    reports.reduce((sum, report) => sum + report[loss]!, 0) / reports.length;

  // Two roundings of a GAN part in time, as those of float32 do later: single steps are compared while they have not.
  it('has the curve of float32, over 24 iterations, and goes on from it and to it', {
    timeout: 900_000,
  }, async () => {
    const [exact, mixed] = [await DistilTrainer.open(parts('f32')), await DistilTrainer.open(parts('f16'))];
    expect(exact.facts).toMatchObject({ executor: 'plan', dtype: 'f32', instead: null });
    expect(mixed.facts).toMatchObject({ executor: 'plan', dtype: 'f16', instead: null });
    expect(mixed.bytes).toBeLessThan(exact.bytes);
    const [expected, found] = [await stepsOf(exact, both(24)), await stepsOf(mixed, both(24))];
    expect(expected[0]!.lossD! - expected.at(-1)!.lossD!).toBeGreaterThan(0.05); // they are no lines
    expect(found).not.toEqual(expected);
    expectCurve(found.slice(0, 5), expected.slice(0, 5), 5e-3);
    for (const loss of ['lossG', 'lossD'] as const) {
      const difference = mean(found, loss) / mean(expected, loss) - 1;
      console.log(`24 iterations in mixed precision: ${loss} ${difference.toExponential(1)} on average`);
      expect(Math.abs(difference), loss).toBeLessThan(2e-2);
    }

    const [fromExact, fromMixed] = [await exact.state(), await mixed.state()];
    const again = await DistilTrainer.open(resumed(parts('f16'), mixed, fromMixed));
    const narrowed = await DistilTrainer.open(resumed(parts('f16'), exact, fromExact));
    const widened = await DistilTrainer.open(resumed(parts('f32'), mixed, fromMixed));
    const [onExact, onMixed] = [await stepsOf(exact, both(1)), await stepsOf(mixed, both(1))];
    expect(await stepsOf(again, both(1))).toEqual(onMixed); // to the bit
    expect(await again.state()).toEqual(await mixed.state());
    expectCurve(await stepsOf(narrowed, both(1)), onExact, 1e-2);
    expectCurve(await stepsOf(widened, both(1)), onMixed, 1e-2);
    for (const trainer of [exact, mixed, again, narrowed, widened]) trainer.dispose();
  });

  it.each([
    { secondFeatures: 'vgg16-bn' as const },
    { secondFeatures: 'deit-distilled' as const },
    { features: 'teacher-encoder' as const },
    { r1Gamma: 10, r1Every: 1 },
  ])('has the first steps of float32 with %o', { timeout: 600_000 }, async (choice) => {
    const [exact, mixed] = [
      await DistilTrainer.open(parts('f32', choice)),
      await DistilTrainer.open(parts('f16', choice)),
    ];
    expect(mixed.facts).toMatchObject({ executor: 'plan', dtype: 'f16', instead: null });
    expectCurve(await stepsOf(mixed, both(3)), await stepsOf(exact, both(3)), 1e-2);
    exact.dispose();
    mixed.dispose();
  });

  it('is the same where activations are recomputed', { timeout: 600_000 }, async () => {
    const [held, made] = [
      await DistilTrainer.open(parts('f16')),
      await DistilTrainer.open({ ...parts('f16'), recomputeAll: true }),
    ];
    expect(made.facts.recomputed!.blocks).toBeGreaterThan(0);
    expect(made.bytes).toBeLessThan(held.bytes);
    expectCurve(await stepsOf(made, both(3)), await stepsOf(held, both(3)), 1e-4);
    held.dispose();
    made.dispose();
  });

  /** A first layer beyond what halves hold; the norms behind it forget its size. */
  it('tells what float16 cannot hold, which float32 can', { timeout: 600_000 }, async () => {
    const enlarged = (dtype: TrainingDtype) => {
      const own = parts(dtype);
      const { teacher } = own;
      const read = (name: string) =>
        /enc\.16x16_conv\.weight$/.test(name) ? teacher.read(name).map((v) => v * 1e7) : teacher.read(name);
      return DistilTrainer.open({ ...own, teacher: { ...teacher, read } });
    };
    const [exact, mixed] = [await enlarged('f32'), await enlarged('f16')];
    const told = (await exact.step()).lossG!;
    expect(Number.isFinite(told)).toBe(true);
    const report = await mixed.step();
    expect(() => checkFinite(report, mixed.facts.dtype)).toThrow(Diverged);
    expect(() => checkFinite(report, mixed.facts.dtype)).toThrow(/too large for float16/);
    for (const trainer of [exact, mixed]) trainer.dispose();
  });
});
