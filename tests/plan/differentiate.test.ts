import { describe, expect, it } from 'vitest';
import { RandomStream } from '../../src/distil/random';
import { Graph, GraphOps, type Node, type Shape, vectorShape } from '../../src/nn/plan/graph';
import { gradients } from '../../src/nn/plan/training/differentiate';
import { Unplanned } from '../../src/nn/plan/training/executor';
import { constant } from '../../src/nn/plan/training/rules';
import { StepOps } from '../../src/nn/plan/training/scope';
import { ReferenceGraph } from './reference-graph';

/**
 * Every rule of differentiation against central differences in float64: the loss is a smooth function of the whole
 * result that weighs every element differently.
 */
const N = 2;

interface Case {
  name: string;
  /** Shapes of the parameters that the recorder asks for. */
  parameters?: Record<string, readonly number[]>;
  build: (ops: StepOps, graph: Graph) => Node;
  /** Inputs whose gradients are not asked for. */
  held?: readonly string[];
}

const map = (height: number, width: number, channels: number): Shape => ({ height, width, channels });
const norm = (channels: number) => ({ 'a.weight': [channels], 'a.bias': [channels] });
const conv = (out: number, inner: number, kernel: number) => ({
  'a.weight': [out, inner, kernel, kernel],
  'a.bias': [out],
});
const wide = (padded: { stride: 1 | 2; pad: number; padEnd: number; depthwise?: boolean }) => ({
  bias: true,
  ...padded,
});

const cases: Case[] = [
  { name: 'conv2d', parameters: conv(3, 2, 3), build: (o) => o.conv2d(x(o, 4, 5, 2), 'a', { pad: 1 }) },
  {
    name: 'conv2d without bias',
    parameters: conv(3, 2, 1),
    build: (o) => o.conv2d(x(o, 3, 3, 2), 'a', { pad: 0, bias: false }),
  },
  {
    name: 'convolution of stride 2 with uneven zeros',
    parameters: conv(3, 2, 3),
    build: (o) => o.convolution(x(o, 6, 6, 2), 'a', wide({ stride: 2, pad: 0, padEnd: 1 })),
  },
  {
    name: 'convolution 4x4 of stride 2',
    parameters: conv(3, 2, 4),
    build: (o) => o.convolution(x(o, 6, 6, 2), 'a', wide({ stride: 2, pad: 1, padEnd: 1 })),
  },
  {
    name: 'depthwise convolution',
    parameters: conv(3, 1, 3),
    build: (o) => o.convolution(x(o, 5, 5, 3), 'a', wide({ stride: 1, pad: 1, padEnd: 1, depthwise: true })),
  },
  {
    name: 'depthwise convolution of stride 2 over odd sizes',
    parameters: conv(3, 1, 3),
    build: (o) => o.convolution(x(o, 5, 5, 3), 'a', wide({ stride: 2, pad: 1, padEnd: 1, depthwise: true })),
  },
  { name: 'addBias', parameters: { 'a.bias': [3] }, build: (o) => o.addBias(x(o, 2, 3, 3), 'a') },
  { name: 'downsample [1, 1]', build: (o) => o.downsample(x(o, 4, 6, 2), [1, 1], 0) },
  { name: 'downsample [1, 3, 3, 1]', build: (o) => o.downsample(x(o, 6, 6, 2), [1, 3, 3, 1], 1) },
  { name: 'downsample without zeros', build: (o) => o.downsample(x(o, 6, 6, 2), [1, 3, 3, 1], 0) },
  { name: 'upsample [1, 1]', build: (o) => o.upsample(x(o, 3, 2, 2), [1, 1]) },
  { name: 'upsample [1, 3, 3, 1]', build: (o) => o.upsample(x(o, 3, 3, 2), [1, 3, 3, 1]) },
  {
    name: 'groupNorm',
    parameters: norm(6),
    build: (o) => o.groupNorm(x(o, 3, 3, 6), 'a', { groups: 3, eps: 1e-2 }),
  },
  { name: 'batchNorm', parameters: norm(3), build: (o) => o.batchNorm(x(o, 3, 3, 3), 'a', 1e-2) },
  {
    name: 'batchNorm, twice',
    parameters: { 'a.weight': [3], 'a.bias': [3] },
    held: ['a.bias'], // on which the gradient does not depend
    build: (o, graph) => {
      const maps = x(o, 3, 3, 3);
      const y = o.batchNorm(maps, 'a', 1e-1);
      return gradients(graph, y, [maps], o.input('y', y.shape)).get(maps)!;
    },
  },
  {
    name: 'groupNorm, twice, of what does not change',
    parameters: norm(6),
    held: ['x', 'a.weight', 'a.bias'],
    build: (o, graph) => {
      const maps = x(o, 3, 3, 6);
      const y = o.groupNorm(maps, 'a', { groups: 3, eps: 1e-1 });
      return gradients(graph, y, [maps], o.input('y', y.shape)).get(maps)!;
    },
  },
  { name: 'silu', build: (o) => o.silu(x(o, 2, 2, 3)) },
  { name: 'relu', build: (o) => o.activate(x(o, 2, 2, 3), 'relu') },
  { name: 'relu6', build: (o) => o.activate(o.scale(x(o, 2, 2, 3), 5), 'relu6') },
  { name: 'leakyRelu', build: (o) => o.activate(x(o, 2, 2, 3), 'leakyRelu') },
  { name: 'hardtanh', build: (o) => o.activate(o.scale(x(o, 2, 2, 3), 1.5), 'hardtanh') },
  { name: 'softplus', build: (o) => o.activate(o.scale(x(o, 2, 2, 3), 4), 'softplus') },
  { name: 'add, one value read three times', build: (o) => squareish(o, x(o, 2, 2, 3)) },
  { name: 'concat', build: (o) => o.concat(x(o, 2, 2, 3), x(o, 2, 2, 2, 'z')) },
  { name: 'addVector', build: (o) => o.addVector(x(o, 2, 3, 3), v(o, 3)) },
  { name: 'modulate', build: (o) => o.modulate(x(o, 2, 3, 3), v(o, 6)) },
  {
    name: 'linear',
    parameters: { 'a.weight': [3, 4], 'a.bias': [3] },
    build: (o) => o.linear(v(o, 4), 'a'),
  },
  {
    name: 'linear as it is stored',
    parameters: { 'a.weight': [3, 4] },
    build: (o) => o.linearTransposed(v(o, 3), 'a'),
  },
  { name: 'attention of one head', build: (o) => o.attention(x(o, 2, 3, 12), 1) },
  { name: 'attention of two heads', build: (o) => o.attention(x(o, 2, 2, 12), 2) },
  {
    name: 'attention, twice, of what does not change',
    held: ['x'],
    build: (o, graph) => {
      const maps = x(o, 2, 3, 12);
      const y = o.attention(maps, 2);
      return gradients(graph, y, [maps], o.input('y', y.shape)).get(maps)!;
    },
  },
  {
    name: 'modulate and silu, twice, of what does not change',
    held: ['x', 'v'],
    build: (o, graph) => {
      const maps = x(o, 2, 3, 3);
      const y = o.silu(o.modulate(maps, v(o, 6)));
      return gradients(graph, y, [maps], o.input('y', y.shape)).get(maps)!;
    },
  },
  { name: 'enlarged, bilinear', build: (o) => o.resize(x(o, 3, 3, 2), 5, 'bilinear') },
  { name: 'made smaller, bilinear', build: (o) => o.resize(x(o, 5, 5, 2), 3, 'bilinear') },
  { name: 'enlarged, corners aligned', build: (o) => o.resize(x(o, 3, 3, 2), 6, 'corners') },
  { name: 'enlarged as by TensorFlow 1', build: (o) => o.resize(x(o, 3, 3, 2), 5, 'tensorflow-1') },
  { name: 'means of what is around', build: (o) => o.averageAround(x(o, 3, 4, 2)) },
  { name: 'means of blocks', build: (o) => o.resize(x(o, 6, 6, 2), 3, 'box') },
  { name: 'maxPool', build: (o) => o.maxPool(x(o, 4, 4, 2)) },
  {
    name: 'maxPool, twice',
    held: ['x'], // which passes through kinks alone
    build: (o, graph) => {
      const maps = x(o, 4, 4, 2);
      const pooled = o.maxPool(maps);
      return gradients(graph, pooled, [maps], o.input('y', pooled.shape)).get(maps)!;
    },
  },
  { name: 'deviation', build: (o) => o.deviation(x(o, 2, 2, 3)) },
  {
    name: 'deviation, twice',
    build: (o, graph) => {
      const maps = x(o, 2, 2, 3);
      // Of two images it is the distance, which has no curvature but where the variance is near its 1e-6.
      const near = o.scale(maps, 1e-3);
      const seen = o.dotVector(o.concat(near, o.deviation(near)), v(o, 4));
      return o.scale(gradients(graph, o.total(seen), [maps]).get(maps)!, 1e3);
    },
  },
  {
    name: 'a convolution of stride 2 and leakyRelu, twice',
    parameters: { 'a.weight': [3, 2, 4, 4], 'a.bias': [3] },
    held: ['x', 'a.bias'], // what passes through kinks alone
    build: (o, graph) => {
      const maps = x(o, 4, 4, 2);
      const y = o.activate(o.convolution(maps, 'a', wide({ stride: 2, pad: 1, padEnd: 1 })), 'leakyRelu');
      return gradients(graph, o.total(y), [maps]).get(maps)!;
    },
  },
  { name: 'timesVector', build: (o) => o.timesVector(x(o, 2, 3, 4), v(o, 4)) },
  { name: 'outerVector', build: (o) => o.outerVector(x(o, 2, 3, 1), v(o, 4)) },
  { name: 'pixelSum', build: (o) => o.addVector(x(o, 2, 3, 4), o.pixelSum(x(o, 3, 3, 4, 'y'))) },
  {
    name: 'pixelDot of two maps',
    build: (o) => o.addVector(x(o, 2, 3, 4), o.pixelDot(x(o, 3, 2, 4, 'y'), x(o, 3, 2, 4, 'z'))),
  },
  {
    name: 'pixelDot with a map of one channel',
    build: (o) => o.addVector(x(o, 2, 3, 4), o.pixelDot(x(o, 3, 2, 4, 'y'), x(o, 3, 2, 1, 'z'))),
  },
  { name: 'unit', build: (o) => o.unit(x(o, 2, 3, 4)) },
  ...[false, true].map((centred) => ({
    name: `unit${centred ? ' without the mean' : ''}, twice, of what does not change`,
    held: ['x'],
    build: (o: StepOps, graph: Graph) => {
      const maps = x(o, 2, 3, 4);
      const y = graph.node({ op: 'unit', eps: 1e-2, centred }, [maps], maps.shape);
      return gradients(graph, y, [maps], o.input('y', y.shape)).get(maps)!;
    },
  })),
  {
    name: 'unit without the mean',
    build: (o, graph) => graph.node({ op: 'unit', eps: 1e-2, centred: true }, [x(o, 2, 3, 4)], map(2, 3, 4)),
  },
  {
    name: 'gelu',
    build: (o, graph) => graph.node({ op: 'gelu' }, [o.scale(x(o, 2, 2, 3), 2)], map(2, 2, 3)),
  },
  {
    name: 'gelu, twice, of what does not change',
    held: ['x'],
    build: (o, graph) => {
      const maps = x(o, 2, 2, 3);
      const y = graph.node({ op: 'gelu' }, [maps], maps.shape);
      return gradients(graph, y, [maps], o.input('y', y.shape)).get(maps)!;
    },
  },
  {
    name: 'pixels behind others, and from some on',
    held: ['a'],
    parameters: { a: [8 * 3] },
    build: (o, graph) => {
      const behind = graph.node({ op: 'amongPixels', from: 2 }, [x(o, 2, 3, 3)], map(8, 1, 3));
      const sum = graph.node({ op: 'addMap' }, [behind, graph.parameter('a', [24])], map(8, 1, 3));
      return graph.node({ op: 'pixelsFrom', from: 4 }, [o.silu(sum)], map(2, 2, 3));
    },
  },
  ...[false, true].map((transposed) => ({
    name: `shiftAndCut${transposed ? ', transposed' : ''}`,
    build: (o: StepOps, graph: Graph) => {
      const maps = x(o, 5, 6, 2);
      const place = [1, -2, 1, 3, -1, 2] // up by one row, to the right by two columns, less a square at the edge
        .map((value) => graph.node({ op: 'broadcast' }, [constant(graph, value)], vectorShape(1)))
        .reduce((a, b) => o.concat(a, b));
      return graph.node({ op: 'shiftAndCut', transposed }, [maps, place], maps.shape);
    },
  })),
  { name: 'dotVector', build: (o) => o.dotVector(x(o, 2, 3, 4), v(o, 4)) },
  {
    name: 'spectral norm, its power vectors held',
    parameters: { 'a.weight_orig': [3, 2, 2, 2], u: [3], v: [8] },
    held: ['u', 'v'],
    build: (_, graph) => {
      const w = graph.parameter('a.weight_orig', [3, 2, 2, 2]);
      const vectors = [graph.parameter('u', [3]), graph.parameter('v', [8])];
      const weight = graph.node({ op: 'spectralNorm' }, [w, ...vectors], w.shape);
      const ops = new StepOps(() => undefined, { graph, derived: () => weight });
      return ops.conv2d(x(ops, 3, 3, 2), 'b', { pad: 0, bias: false });
    },
  },
];

const x = (ops: GraphOps, h: number, w: number, c: number, name = 'x'): Node => ops.input(name, map(h, w, c));
const v = (ops: GraphOps, c: number): Node => ops.input('v', vectorShape(c));
const squareish = (ops: GraphOps, value: Node): Node =>
  ops.add(ops.silu(value), ops.add(ops.scale(value, 3), value));

describe('gradients', () => {
  it.each(cases)('$name', ({ parameters = {}, build, held = [] }) => {
    const graph = new Graph();
    const ops = new StepOps((name) => parameters[name], { graph });
    const y = build(ops, graph);
    // Of every element something else: no sum of a gradient vanishes by itself.
    const loss = ops.total(ops.silu(ops.add(y, ops.input('weighing', y.shape))));
    const wanted = graph.nodes.filter(
      ({ operation: o }) =>
        (o.op === 'input' || o.op === 'parameter') && o.name !== 'weighing' && !held.includes(o.name),
    );
    const found = gradients(graph, loss, wanted);
    expect(found.size).toBe(wanted.length);

    const { inputs, state } = drawn(graph);
    const run = (nodes: readonly Node[]) => new ReferenceGraph(N, inputs, state).run(graph, nodes);
    const results = run([...found.values()]);
    for (const node of wanted) {
      const { operation: o } = node;
      if (o.op !== 'input' && o.op !== 'parameter') throw new Error('neither input nor parameter');
      const values = o.op === 'input' ? inputs.get(o.name)! : state.get(o.name)!;
      const expected = values.map((_, i) => centralDifference(values, i, () => run([loss]).get(loss)![0]!));
      const gradient = results.get(found.get(node)!)!;
      const top = expected.reduce((m, d) => Math.max(m, Math.abs(d)), 0);
      expect(top, o.name).toBeGreaterThan(1e-3);
      for (const [i, d] of expected.entries())
        expect(Math.abs(gradient[i]! - d), `${o.name}[${i}]`).toBeLessThan(2e-8 * Math.max(1, top));
    }
  });
});

describe('what has no gradient is refused, not approximated', () => {
  const refused = (build: (ops: GraphOps) => Node) => {
    const graph = new Graph();
    const ops = new GraphOps(() => [3, 2, 1, 3], { graph });
    const image = x(ops, 5, 5, 2);
    const loss = ops.total(build(ops));
    return () => gradients(graph, loss, [image]);
  };
  const seen = (ops: GraphOps) => ops.graph.nodes[0]!;

  it('overlapping pools, and kernels that are no squares', () => {
    expect(refused((o) => o.maxPool(seen(o), { kernel: 3, stride: 2, pad: 0 }))).toThrow(Unplanned);
    const across = { pad: 1, padEnd: 1 };
    const geometry = { stride: 1, pad: 0, padEnd: 0, across, bias: false } as const;
    expect(refused((o) => o.convolution(seen(o), 'a', geometry))).toThrow(Unplanned);
  });
});

const STEP = 1e-5;

function centralDifference(values: Float64Array, i: number, loss: () => number): number {
  const kept = values[i]!;
  values[i] = kept + STEP;
  const above = loss();
  values[i] = kept - STEP;
  const below = loss();
  values[i] = kept;
  return (above - below) / (2 * STEP);
}

/** Normals for every leaf of a graph. */
function drawn(graph: Graph) {
  const inputs = new Map<string, Float64Array>();
  const state = new Map<string, Float64Array>();
  for (const { id, operation: o, shape } of graph.nodes) {
    if (o.op !== 'input' && o.op !== 'parameter') continue;
    const { height, width, channels, whole } = shape;
    const count = whole ? channels : N * Math.max(1, height * width) * channels;
    const values = Float64Array.from(new RandomStream(5, 'heads', id).normals(count));
    (o.op === 'input' ? inputs : state).set(o.name, values);
  }
  return { inputs, state };
}

describe('what is not asked for', () => {
  const parameters = { ...conv(4, 4, 3), 'frozen.weight': [4, 4, 3, 3], 'frozen.bias': [4] };

  it('is not recorded: a frozen layer has an input gradient alone, and the first one none', () => {
    const graph = new Graph();
    const ops = new StepOps((name) => (parameters as Record<string, number[]>)[name], { graph });
    const first = ops.conv2d(x(ops, 4, 4, 4), 'frozen', { pad: 1 });
    const trained = ops.conv2d(first, 'a', { pad: 1 });
    const loss = ops.total(ops.silu(ops.conv2d(ops.silu(trained), 'frozen', { pad: 1 })));
    const before = graph.nodes.length;
    const found = gradients(graph, loss, [graph.parameter('a.weight', [4, 4, 3, 3])]);
    const added = graph.nodes.slice(before).map((node) => node.operation.op);
    expect(added.filter((op) => op === 'filterGradient')).toHaveLength(1);
    expect(added.filter((op) => op === 'convTransposed')).toHaveLength(1);
    expect(added).not.toContain('pixelSum');
    expect([...found.values()][0]!.inputs[0]).toBe(first);
  });

  it('ends at updates: the generator answers an updated discriminator, whose update is not asked how it came about', () => {
    const graph = new Graph();
    const ops = new StepOps(() => undefined, { graph });
    const fakes = ops.activate(graph.parameter('g', [3]), 'softplus');
    const d = graph.parameter('d', [3]);
    const second = graph.parameter('d second', [3]);
    const lossD = ops.total(ops.silu(ops.add(fakes, d)));
    const gradientD = gradients(graph, lossD, [d]).get(d)!;
    const rates = ops.input('rates', { ...vectorShape(2), whole: [2] });
    const adam = graph.node({ op: 'adam', beta2: 0.99, eps: 1e-8 }, [d, gradientD, second, rates], d.shape);
    const lossG = ops.total(ops.silu(ops.add(fakes, ops.scale(adam, -1))));
    const g = graph.parameter('g', [3]);
    const found = gradients(graph, lossG, [g]).get(g)!;

    const state = new Map(
      Object.entries({ g: [0.1, -1, 2], d: [0.5, 0.2, -0.3], 'd second': [0, 0, 0] }).map(
        ([name, values]) => [name, Float64Array.from(values)] as const,
      ),
    );
    const inputs = new Map([['rates', [0.01, 1 / Math.sqrt(1 - 0.99)]]]);
    const before = state.get('d')!.slice();
    const values = new ReferenceGraph(1, inputs, state).run(graph, [found, adam]);
    const after = state.get('d')!;
    for (const [i, w] of after.entries())
      expect(w - before[i]!).toBeCloseTo(-0.01 * Math.sign(values.get(gradientD)![i]!), 6);
    const sigmoid = (t: number) => 1 / (1 + Math.exp(-t));
    for (const [i, gradient] of values.get(found)!.entries()) {
      const raw = [0.1, -1, 2][i]!;
      const z = Math.log1p(Math.exp(raw)) - after[i]!;
      expect(gradient).toBeCloseTo(sigmoid(raw) * sigmoid(z) * (1 + z * (1 - sigmoid(z))), 10);
    }
  });
});
