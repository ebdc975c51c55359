import { InnateError } from '../../lib/errors';
import type { Ops, Tap } from '../ops';
import type {
  Activation,
  ConvGeometry,
  Node,
  Operation,
  PoolGeometry,
  ResizeMethod,
  Shape,
} from './operations';

export type { Node, Shape } from './operations';

/** The shape of a value that all images share, of these dimensions: a parameter, a sum over the batch. */
export const wholeShape = (dims: readonly number[]): Shape => ({
  height: 0,
  width: 0,
  channels: dims.reduce((a, b) => a * b, 1),
  whole: dims,
});

/** The shape of one number for each channel of each image. */
export const vectorShape = (channels: number): Shape => ({ height: 0, width: 0, channels });

/** Nodes in the order in which they were recorded. */
export class Graph {
  readonly nodes: Node[] = [];
  private readonly leaves = new Map<string, Node>();
  private readonly known = new Map<string, Node>();

  node(operation: Operation, inputs: readonly Node[], shape: Shape): Node {
    for (const input of inputs) input.uses++;
    const node = { id: this.nodes.length, operation, inputs, shape, uses: 0, attentionHeads: 0 };
    this.nodes.push(node);
    return node;
  }

  /** The same node for the same operation on the same inputs, to the same shape. */
  once(operation: Operation, inputs: readonly Node[], shape: Shape): Node {
    const key = JSON.stringify([operation, inputs.map((i) => i.id), shape]);
    let node = this.known.get(key);
    if (!node) {
      node = this.node(operation, inputs, shape);
      this.known.set(key, node);
    }
    return node;
  }

  /** A value that lives longer than a run: the same node for the same name. */
  parameter(name: string, dims: readonly number[]): Node {
    let leaf = this.leaves.get(name);
    if (!leaf) {
      leaf = this.node({ op: 'parameter', name }, [], wholeShape(dims));
      this.leaves.set(name, leaf);
    }
    return leaf;
  }
}

export interface RecordOptions {
  /** Layers whose output is scaled at each run, and the blocks that they belong to, by parameter prefix. */
  gains?: ReadonlyMap<string, string>;
  /** Several networks may be recorded in one graph. */
  graph?: Graph;
  /** What stands for a parameter where that is no leaf: a normalised weight, one that was just updated. */
  derived?: (name: string) => Node | undefined;
}

/** Records a network as a graph of nodes instead of running it. */
export class GraphOps implements Ops<Node> {
  readonly graph: Graph;
  private readonly linears = new Map<Node, Node[]>();
  private readonly gains: ReadonlyMap<string, string>;
  private readonly derived: (name: string) => Node | undefined;

  constructor(
    private readonly parameterShape: (name: string) => readonly number[] | undefined,
    { gains = new Map(), graph = new Graph(), derived = () => undefined }: RecordOptions = {},
  ) {
    this.graph = graph;
    this.gains = gains;
    this.derived = derived;
  }

  input(name: string, shape: Shape): Node {
    return this.node({ op: 'input', name }, [], shape);
  }

  scope(module: () => Node): Node {
    return module();
  }

  conv2d(x: Node, name: string, { pad, bias }: { pad: number; bias?: false }): Node {
    const convolved = this.convolution(x, name, { stride: 1, pad, padEnd: pad, bias: bias !== false });
    return bias === false ? convolved : this.gained(convolved, name); // else where the bias is added
  }

  /** The node that stands for `name`.weight. */
  weight(name: string): Node {
    return this.parameter(`${name}.weight`);
  }

  /** Any stride; `depthwise`: one filter a channel; `across`: zeros along the other axis, where the kernel is no square. */
  convolution(
    x: Node,
    name: string,
    options: Pick<ConvGeometry, 'stride' | 'pad' | 'padEnd'> & {
      bias: boolean;
      depthwise?: boolean;
      across?: { pad: number; padEnd: number };
    },
  ): Node {
    const weight = this.weight(name);
    const [out, , kernel, columns] = weight.shape.whole as [number, number, number, number];
    const { stride, pad, padEnd, bias, depthwise = false } = options;
    const sideways = options.across ?? { pad, padEnd };
    const size = (pixels: number, taps: number, zeros: { pad: number; padEnd: number }) =>
      Math.floor((pixels + zeros.pad + zeros.padEnd - taps) / stride) + 1;
    const across = columns === kernel ? {} : { across: { kernel: columns, pad: sideways.pad } };
    return this.node(
      { op: 'conv2d', name, kernel, stride, pad, padEnd, depthwise, bias, ...across },
      bias ? [x, weight, this.parameter(`${name}.bias`)] : [x, weight],
      {
        height: size(x.shape.height, kernel, { pad, padEnd }),
        width: size(x.shape.width, columns, sideways),
        channels: out,
      },
    );
  }

  addBias(x: Node, name: string): Node {
    const bias = this.parameter(`${name}.bias`);
    return this.gained(this.node({ op: 'addBias', name }, [x, bias], x.shape), name);
  }

  downsample(x: Node, taps: readonly number[], pad: number): Node {
    const half = (size: number) => Math.floor((size + 2 * pad - taps.length) / 2) + 1;
    return this.node({ op: 'downsample', taps, pad }, [x], {
      height: half(x.shape.height),
      width: half(x.shape.width),
      channels: x.shape.channels,
    });
  }

  upsample(x: Node, taps: readonly number[]): Node {
    const { height, width, channels } = x.shape;
    const pad = (taps.length - 1) >> 1;
    return this.node({ op: 'upsample', taps, pad }, [x], { height: 2 * height, width: 2 * width, channels });
  }

  groupNorm(x: Node, name: string, options: { groups: number; eps: number }): Node {
    return this.gained(this.norm(x, name, { ...options, over: 'image' }), name);
  }

  batchNorm(x: Node, name: string, eps: number): Node {
    return this.norm(x, name, { groups: x.shape.channels, eps, over: 'batch' });
  }

  silu(x: Node): Node {
    return this.node({ op: 'silu' }, [x], x.shape);
  }

  activate(x: Node, kind: Activation): Node {
    return this.node({ op: 'activate', kind }, [x], x.shape);
  }

  add(a: Node, b: Node): Node {
    return this.node({ op: 'add' }, [a, b], a.shape);
  }

  scale(x: Node, factor: number): Node {
    return this.node({ op: 'scale', factor, gain: null }, [x], x.shape);
  }

  concat(a: Node, b: Node): Node {
    return this.node({ op: 'concat' }, [a, b], {
      ...a.shape,
      channels: a.shape.channels + b.shape.channels,
    });
  }

  addVector(x: Node, v: Node): Node {
    return this.node({ op: 'addVector' }, [x, v], x.shape);
  }

  modulate(x: Node, v: Node): Node {
    return this.node({ op: 'modulate' }, [x, v], x.shape);
  }

  linear(v: Node, name: string, options?: { bias?: false }): Node {
    const weight = this.weight(name);
    const siblings = this.linears.get(v) ?? [];
    this.linears.set(v, siblings);
    const bias = options?.bias !== false;
    const inputs = bias ? [v, weight, this.parameter(`${name}.bias`)] : [v, weight];
    const node = this.node(
      { op: 'linear', name, bias, siblings },
      inputs,
      vectorShape(weight.shape.whole![0]!),
    );
    siblings.push(node);
    return node;
  }

  /** v [N, out] times `name`.weight [out, in] as it is stored: rows of a table by one-hot v. */
  linearTransposed(v: Node, name: string): Node {
    const weight = this.weight(name);
    return this.node({ op: 'linearTransposed', name }, [v, weight], vectorShape(weight.shape.whole![1]!));
  }

  attention(qkv: Node, heads: number): Node {
    qkv.attentionHeads = heads;
    return this.node({ op: 'attention', heads }, [qkv], {
      ...qkv.shape,
      channels: qkv.shape.channels / 3,
    });
  }

  resize(x: Node, size: number, method: ResizeMethod): Node {
    if (x.shape.height === size && x.shape.width === size) return x;
    const shape = { height: size, width: size, channels: x.shape.channels };
    return this.node({ op: 'resize', method, transposed: false }, [x], shape);
  }

  maxPool(x: Node, geometry: PoolGeometry = { kernel: 2, stride: 2, pad: 0 }): Node {
    const { kernel, stride, pad } = geometry;
    const { height, width, channels } = x.shape;
    const size = (pixels: number) => Math.floor((pixels + 2 * pad - kernel) / stride) + 1;
    return this.node({ op: 'maxPool', kernel, stride, pad }, [x], {
      height: size(height),
      width: size(width),
      channels,
    });
  }

  /** Of every pixel and those around it, without what lies outside. */
  averageAround(x: Node): Node {
    return this.node({ op: 'resize', method: 'around', transposed: false }, [x], x.shape);
  }

  /** The mean over the pixels: a vector. */
  mean(x: Node): Node {
    const { height, width, channels } = x.shape;
    const sum = this.node({ op: 'pixelSum' }, [x], vectorShape(channels));
    return this.scale(sum, 1 / (height * width));
  }

  /** A map of one channel: the mean over everything of the standard deviation over the batch. */
  deviation(x: Node): Node {
    const number = this.node({ op: 'deviation' }, [x], wholeShape([1]));
    return this.node({ op: 'broadcast' }, [number], { ...x.shape, channels: 1 });
  }

  /** The sum over the channels of x v: a map of one channel. */
  dotVector(x: Node, v: Node): Node {
    return this.node({ op: 'dotVector' }, [x, v], { ...x.shape, channels: 1 });
  }

  /** The sum over everything, images too: a whole value of one number. */
  total(x: Node): Node {
    return this.node({ op: 'total' }, [x], wholeShape([1]));
  }

  private norm(
    x: Node,
    name: string,
    options: { groups: number; eps: number; over: 'image' | 'batch' },
  ): Node {
    const parameters = [this.parameter(`${name}.weight`), this.parameter(`${name}.bias`)];
    return this.node({ op: 'groupNorm', name, ...options }, [x, ...parameters], x.shape);
  }

  private node(operation: Operation, inputs: readonly Node[], shape: Shape): Node {
    return this.graph.node(operation, inputs, shape);
  }

  private gained(x: Node, layer: string): Node {
    const gain = this.gains.get(layer);
    return gain === undefined ? x : this.node({ op: 'scale', factor: 1, gain }, [x], x.shape);
  }

  private parameter(name: string): Node {
    const derived = this.derived(name);
    if (derived) return derived;
    const shape = this.parameterShape(name);
    if (!shape) throw new InnateError('bad-file', 'a parameter is missing', { where: name });
    return this.graph.parameter(name, shape);
  }
}

/** Collects what a forward pass shows to its tap: block and part names to nodes. */
export function collectTaps(): { tap: Tap<Node>; nodes: Map<string, Node> } {
  const nodes = new Map<string, Node>();
  return { nodes, tap: (name, node) => void nodes.set(name, node) };
}
