import { type Graph, type Node, type Shape, vectorShape, wholeShape } from '../graph';
import type { ConvGeometry, Operation } from '../operations';
import { Unplanned } from './executor';

/** The gradient of one input, recorded when it is wanted; null where it is zero almost everywhere. */
type Gradient = (() => Node) | null;

interface Place<K extends Operation['op']> {
  graph: Graph;
  node: Node;
  operation: Extract<Operation, { op: K }>;
  inputs: readonly [Node, ...Node[]];
  /** Gradient of the result. */
  dy: Node;
}

/** Gradients of an operation's inputs, in their order, as nodes like any other: they are fused and planned as those are. */
type Rule<K extends Operation['op']> = (place: Place<K>) => readonly Gradient[];

/**
 * One rule an operation. What has none ends the way back: power vectors are constants of the normalisation, as in
 * torch.nn.utils.spectral_norm, and what an optimiser has written is not asked how it came about.
 */
const RULES: { readonly [K in Operation['op']]?: Rule<K> } = {
  conv2d: ({ graph, operation, inputs: [x, w], dy }) => [
    () =>
      graph.node({ op: 'convTransposed', name: operation.name, ...geometry(operation) }, [dy, w!], x.shape),
    () => graph.node({ op: 'filterGradient', ...geometry(operation) }, [x, dy], w!.shape),
    () => channelSums(graph, dy),
  ],
  convTransposed: ({ graph, operation, inputs: [v, w], dy }) => [
    () => {
      const { name } = operation;
      const moved = graph.node(
        { op: 'conv2d', name, bias: false, ...geometry(operation) },
        [dy, w!],
        v.shape,
      );
      moved.attentionHeads = v.attentionHeads; // the same channels
      return moved;
    },
    () => graph.node({ op: 'filterGradient', ...geometry(operation) }, [dy, v], w!.shape),
  ],
  addBias: ({ graph, dy }) => [() => dy, () => channelSums(graph, dy)],
  downsample: ({ graph, operation: { taps, pad }, inputs: [x], dy }) => [
    () => scaled(graph, graph.node({ op: 'upsample', taps, pad }, [dy], x.shape), 1 / 4),
  ],
  upsample: ({ graph, operation: { taps, pad }, inputs: [x], dy }) => [
    () => scaled(graph, graph.node({ op: 'downsample', taps, pad }, [dy], x.shape), 4),
  ],
  groupNorm: ({ graph, operation: { groups, eps, over }, inputs: [x, weight, bias], dy }) => {
    const { channels } = x.shape;
    const sums = () => graph.once({ op: 'normSums', groups, eps, over }, [x, dy], vectorShape(2 * channels));
    return [
      () => graph.node({ op: 'normGradient', groups, eps, over }, [x, dy, sums(), weight!], x.shape),
      () => imageSum(graph, slice(graph, sums(), channels, channels), weight!.shape),
      () => imageSum(graph, slice(graph, sums(), 0, channels), bias!.shape),
    ];
  },
  // Of gradients, where they are differentiated again; the sums follow from the other inputs.
  normGradient: ({ graph, operation: { groups, eps, over }, inputs: [x, g, , weight], dy }) => {
    const tangent = () => graph.once({ op: 'normTangent', groups, eps, over }, [x, dy], x.shape);
    return [
      over === 'image'
        ? noSecond('a group norm')
        : () => graph.node({ op: 'batchNormCurvature', eps }, [x, g!, dy, weight!], x.shape),
      () => graph.node({ op: 'timesChannels' }, [tangent(), weight!], x.shape),
      null,
      () => {
        const products = graph.node({ op: 'pixelDot' }, [g!, tangent()], vectorShape(x.shape.channels));
        return imageSum(graph, products, weight!.shape);
      },
    ];
  },
  silu: ({ graph, inputs: [x], dy }) => [() => graph.node({ op: 'siluGradient' }, [x, dy], x.shape)],
  siluGradient: ({ graph, inputs: [x], dy }) => [
    noSecond('SiLU'),
    () => graph.node({ op: 'siluGradient' }, [x, dy], x.shape),
  ],
  activate: ({ graph, node, operation: { kind }, dy }) => [
    () => graph.node({ op: 'activateGradient', kind }, [node, dy], node.shape),
  ],
  // The slope of an activation has kinks alone.
  activateGradient: ({ graph, operation: { kind }, inputs: [y], dy }) => {
    const inner = kind === 'softplus' ? noSecond('softplus') : null;
    return [inner, () => graph.node({ op: 'activateGradient', kind }, [y, dy], dy.shape)];
  },
  deviationGradient: ({ graph, inputs: [x, g], dy }) => [
    () => graph.node({ op: 'deviationCurvature' }, [x, g!, dy], x.shape),
    () => {
      const each = graph.node({ op: 'deviationGradient' }, [x, constant(graph, 1)], x.shape);
      const products = graph.node({ op: 'pixelDot' }, [dy, each], vectorShape(x.shape.channels));
      return graph.node({ op: 'total' }, [products], g!.shape);
    },
  ],
  add: ({ dy }) => [() => dy, () => dy],
  scale: ({ graph, operation: { factor }, dy }) => [() => scaled(graph, dy, factor)],
  concat: ({ graph, inputs: [a, b], dy }) => [
    () => slice(graph, dy, 0, a.shape.channels),
    () => slice(graph, dy, a.shape.channels, b!.shape.channels),
  ],
  slice: ({ graph, operation: { from }, inputs: [x], dy }) => [
    () => {
      const behind = x.shape.channels - from - dy.shape.channels;
      const front = from > 0 ? joined(graph, zeros(graph, dy.shape, from), dy) : dy;
      return behind > 0 ? joined(graph, front, zeros(graph, dy.shape, behind)) : front;
    },
  ],
  addVector: ({ graph, dy }) => [() => dy, () => pixelSum(graph, dy)],
  modulate: ({ graph, inputs: [x, v], dy }) => [
    () => graph.node({ op: 'timesOnePlus' }, [dy, slice(graph, v!, 0, x.shape.channels)], x.shape),
    () =>
      joined(
        graph,
        graph.node({ op: 'pixelDot' }, [dy, x], vectorShape(x.shape.channels)),
        pixelSum(graph, dy),
      ),
  ],
  timesOnePlus: ({ graph, inputs: [x, v], dy }) => [
    () => graph.node({ op: 'timesOnePlus' }, [dy, v!], x.shape),
    () => graph.node({ op: 'pixelDot' }, [dy, x], v!.shape),
  ],
  linear: ({ graph, operation: { name }, inputs: [v, w, bias], dy }) => [
    () => graph.node({ op: 'linearTransposed', name }, [dy, w!], v.shape),
    () => graph.node({ op: 'outer' }, [dy, v], w!.shape),
    () => imageSum(graph, dy, bias!.shape),
  ],
  linearTransposed: ({ graph, operation: { name }, inputs: [v, w], dy }) => [
    () => graph.node({ op: 'linear', name, bias: false, siblings: [] }, [dy, w!], v.shape),
    () => graph.node({ op: 'outer' }, [v, dy], w!.shape),
  ],
  attention: ({ graph, operation: { heads }, inputs: [qkv], dy }) => [
    () => {
      const gradient = graph.node({ op: 'attentionGradient', heads }, [qkv, dy], qkv.shape);
      gradient.attentionHeads = heads;
      return gradient;
    },
  ],
  attentionGradient: ({ graph, operation: { heads }, inputs: [qkv, g], dy }) => [
    noSecond('attention'),
    () => graph.node({ op: 'attentionTangent', heads }, [qkv, dy], g!.shape),
  ],
  resize: ({ graph, operation: { method, transposed }, inputs: [x], dy }) => [
    () => graph.node({ op: 'resize', method, transposed: !transposed }, [dy], x.shape),
  ],
  maxPool: ({ graph, operation: { kernel, stride, pad }, inputs: [x], dy }) => {
    if (kernel !== 2 || stride !== 2 || pad !== 0) throw new Unplanned('the gradient of overlapping pools');
    return [() => graph.node({ op: 'maxPoolGradient' }, [x, dy], x.shape)];
  },
  maxPoolGradient: ({ graph, inputs: [x, g], dy }) => [
    null,
    () => graph.node({ op: 'maxPoolTangent' }, [x, dy], g!.shape),
  ],
  deviation: ({ graph, inputs: [x], dy }) => [
    () => graph.node({ op: 'deviationGradient' }, [x, dy], x.shape),
  ],
  broadcast: ({ graph, inputs: [number], dy }) => [() => graph.node({ op: 'total' }, [dy], number.shape)],
  total: ({ graph, inputs: [x], dy }) => [() => graph.once({ op: 'broadcast' }, [dy], x.shape)],
  dotVector: ({ graph, inputs: [x, v], dy }) => [
    () => graph.node({ op: 'outerVector' }, [dy, v!], x.shape),
    () => graph.node({ op: 'pixelDot' }, [x, dy], v!.shape),
  ],
  outerVector: ({ graph, inputs: [m, v], dy }) => [
    () => graph.node({ op: 'dotVector' }, [dy, v!], m.shape),
    () => graph.node({ op: 'pixelDot' }, [dy, m], v!.shape),
  ],
  unit: ({ graph, operation, inputs: [x], dy }) => [
    () => graph.node({ ...operation, op: 'unitGradient' }, [x, dy], x.shape),
  ],
  unitGradient: ({ graph, operation, inputs: [x], dy }) => [
    noSecond('a norm of channels'),
    () => graph.node(operation, [x, dy], x.shape),
  ],
  gelu: ({ graph, inputs: [x], dy }) => [() => graph.node({ op: 'geluGradient' }, [x, dy], x.shape)],
  geluGradient: ({ graph, inputs: [x], dy }) => [
    noSecond('GELU'),
    () => graph.node({ op: 'geluGradient' }, [x, dy], x.shape),
  ],
  addMap: ({ dy }) => [
    () => dy,
    () => {
      throw new Unplanned('the gradient of a map that is added to every image');
    },
  ],
  pixelsFrom: ({ graph, operation: { from }, inputs: [x], dy }) => [
    () => graph.node({ op: 'amongPixels', from }, [dy], x.shape),
  ],
  amongPixels: ({ graph, operation: { from }, inputs: [x], dy }) => [
    () => graph.node({ op: 'pixelsFrom', from }, [dy], x.shape),
  ],
  timesVector: ({ graph, inputs: [x, v], dy }) => [
    () => graph.node({ op: 'timesVector' }, [dy, v!], x.shape),
    () => graph.node({ op: 'pixelDot' }, [dy, x], v!.shape),
  ],
  shiftAndCut: ({ graph, operation: { transposed }, inputs: [x, place], dy }) => [
    () => graph.node({ op: 'shiftAndCut', transposed: !transposed }, [dy, place!], x.shape),
    null,
  ],
  pixelSum: ({ graph, inputs: [x], dy }) => [
    () => graph.node({ op: 'addVector' }, [zeros(graph, x.shape, x.shape.channels), dy], x.shape),
  ],
  pixelDot: ({ graph, inputs: [a, b], dy }) => {
    const wide = b!.shape.channels === a.shape.channels;
    return [
      () => graph.node({ op: wide ? 'timesVector' : 'outerVector' }, [b!, dy], a.shape),
      () => graph.node({ op: wide ? 'timesVector' : 'dotVector' }, [a, dy], b!.shape),
    ];
  },
  spectralNorm: ({ graph, inputs: [w, u, v], dy }) => [
    () => graph.node({ op: 'spectralGradient' }, [w, u!, v!, dy], w.shape),
  ],
};

/**
 * Gradients of a node's inputs, in their order; null where there is no way back through it. `inputs`: what has their values now,
 * where they were made once more.
 */
export function inputGradients(
  graph: Graph,
  node: Node,
  inputs: readonly Node[],
  dy: Node,
): readonly Gradient[] | null {
  const rule = RULES[node.operation.op] as Rule<Operation['op']> | undefined;
  if (!rule) return null;
  return rule({
    graph,
    node,
    operation: node.operation,
    inputs: inputs as [Node, ...Node[]],
    dy,
  });
}

/** Whether gradients pass through nodes of that kind. */
export const isDifferentiable = ({ operation }: Node): boolean => RULES[operation.op] !== undefined;

function geometry({ kernel, stride, pad, padEnd, depthwise, across }: ConvGeometry): ConvGeometry {
  if (across) throw new Unplanned('the gradient of a kernel that is no square');
  return { kernel, stride, pad, padEnd, depthwise };
}

/** What a frozen network is not asked for: its activations do not depend on what trains behind it. */
const noSecond = (of: string) => (): never => {
  throw new Unplanned(`the second derivative of ${of}`);
};

const scaled = (graph: Graph, x: Node, factor: number): Node =>
  graph.node({ op: 'scale', factor, gain: null }, [x], x.shape);

const slice = (graph: Graph, x: Node, from: number, channels: number): Node =>
  graph.once({ op: 'slice', from }, [x], { ...x.shape, channels });

const joined = (graph: Graph, a: Node, b: Node): Node =>
  graph.node({ op: 'concat' }, [a, b], { ...a.shape, channels: a.shape.channels + b.shape.channels });

const zeros = (graph: Graph, like: Shape, channels: number): Node =>
  graph.once({ op: 'broadcast' }, [constant(graph, 0)], { ...like, channels });

/** One number for all images. */
export const constant = (graph: Graph, value: number): Node =>
  graph.once({ op: 'constant', value }, [], wholeShape([1]));

const pixelSum = (graph: Graph, x: Node): Node =>
  graph.once({ op: 'pixelSum' }, [x], vectorShape(x.shape.channels));

const imageSum = (graph: Graph, v: Node, shape: Shape): Node => graph.node({ op: 'imageSum' }, [v], shape);

const channelSums = (graph: Graph, x: Node): Node =>
  imageSum(graph, pixelSum(graph, x), wholeShape([x.shape.channels]));
