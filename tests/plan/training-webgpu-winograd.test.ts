import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GpuContext } from '../../src/gpu/context';
import { Graph } from '../../src/nn/plan/graph';
import { gradients } from '../../src/nn/plan/training/differentiate';
import { opsOn, parametersOf } from '../../src/nn/plan/training/scope';
import type { Iteration } from '../../src/nn/plan/training/settings';
import { WebGpuIterations } from '../../src/nn/plan/training/webgpu/executor';
import { StepProgram } from '../../src/nn/plan/training/webgpu/step';
import { drawnWeights } from '../support/drawn';
import { TILINGS } from '../support/tilings';
import { activateWebGpu, webgpuWanted } from '../support/webgpu';
import { noise } from './kernel-cases';
import { ReferenceGraph } from './reference-graph';

/** 3x3 convolutions in Winograd form, filters that train and frozen ones, and all their gradients, against float64. */

const BATCH = 3;
const SIZE = { height: 5, width: 7 }; // the last tiles reach beyond the map
const SHAPES = {
  'one.weight': [20, 12, 3, 3],
  'one.bias': [20],
  'two.weight': [9, 20, 3, 3],
  'three.weight': [16, 9, 3, 3],
};
const MOVING = ['one.weight', 'one.bias', 'three.weight'] as const;

/** Three convolutions, the second frozen: the gradient of the first goes through the turned filters of the others. */
function record(): Iteration {
  const graph = new Graph();
  const parameters = parametersOf(graph, '', (name) => SHAPES[name as keyof typeof SHAPES]);
  const ops = opsOn(graph, parameters);
  const conv = { stride: 1, pad: 1, padEnd: 1 };
  const x = ops.input('x', { ...SIZE, channels: 12 });
  const first = ops.activate(ops.convolution(x, 'one', { ...conv, bias: true }), 'leakyRelu');
  const second = ops.convolution(first, 'two', { ...conv, bias: false });
  const residual = ops.input('residual', { ...SIZE, channels: 16 });
  const y = ops.scale(ops.add(ops.convolution(second, 'three', { ...conv, bias: false }), residual), 0.7);
  const leaves = MOVING.map((name) => parameters.node(name));
  const found = gradients(graph, y, leaves, ops.add(y, ops.input('cotangent', y.shape)));
  const carried = new Map(MOVING.map((name, i) => [`gradient ${name}`, found.get(leaves[i]!)!]));
  for (const [name, { shape }] of carried) graph.parameter(name, shape.whole!);
  return {
    graph,
    carried,
    reports: new Map(),
    updates: [],
    moving: new Set<string>(MOVING),
    sums: new Map(),
  };
}

describe.skipIf(!webgpuWanted)('convolutions in Winograd form on webgpu', () => {
  let context: GpuContext;
  const errors: string[] = [];
  beforeAll(async () => {
    context = (await activateWebGpu(errors)).gpu!;
  });
  afterAll(() => expect(errors).toEqual([]));

  it.each(["the adapter's own", 'register'])('%s tiles', { timeout: 120_000 }, async (name) => {
    const traits = TILINGS[name] ?? context.traits;
    const iteration = record();
    const options = { traits, software: true, mixed: false, maxBinding: 2 ** 27 };
    const shared = { leaves: new Map(), gradients: new Map(), filters: new Map() };
    const { setup, calls } = new StepProgram({ iteration, batch: BATCH }, options, shared).site.program;
    const count = (of: typeof calls, name: string) =>
      of.filter(({ kernel }) => kernel.name.startsWith(name)).length;
    expect(setup.map(({ kernel }) => kernel.name)).toEqual(['winograd filters', 'winograd filters turned']);
    expect(count(calls, 'winograd input')).toBe(5); // nobody asks for the gradient of x
    expect(count(calls, 'winograd filters')).toBe(3);

    const used = new GpuContext(context.device, true, traits, true);
    const step = new WebGpuIterations(used, 'lavapipe');
    await step.prepare('step', { iteration, batch: BATCH });
    for (const seed of [1, 2]) {
      // What is made of frozen filters follows them.
      const weights = drawnWeights(SHAPES, seed);
      const state = new Map(
        Object.keys(SHAPES).map((name) => [name, Float64Array.from(weights.read(name))] as const),
      );
      for (const name of iteration.carried.keys())
        state.set(
          name,
          new Float64Array(SHAPES[name.slice(9) as keyof typeof SHAPES].reduce((a, b) => a * b)),
        );
      const pixels = BATCH * SIZE.height * SIZE.width;
      const inputs = new Map([
        ['x', noise(pixels * 12, seed)],
        ['residual', noise(pixels * 16, seed + 10)],
        ['cotangent', noise(pixels * 16, seed + 20)],
      ]);
      const nodes = [...iteration.carried.values()];
      const values = new ReferenceGraph(BATCH, inputs, state).run(iteration.graph, nodes);
      for (const name of Object.keys(SHAPES)) step.write(name, state.get(name)!);
      step.poison();
      await step.run('step', inputs);
      for (const [name, node] of iteration.carried) {
        const [found, expected] = [await step.read(name), values.get(node)!];
        const top = expected.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
        const error = expected.reduce((m, v, i) => Math.max(m, Math.abs(found[i]! - v)), 0);
        expect(error, name).toBeLessThan(1e-5 * top);
      }
    }
    step.dispose();
    expect(used.memory.breakdown()).toEqual({ weights: 0, activations: 0, transfer: 0 });
  });
});
