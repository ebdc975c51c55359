import { InnateError } from '../../lib/errors';
import type { Ops, Tap } from '../ops';

/** What a value is, for one image: an activation [height, width, channels] or a vector [channels]. */
export interface Shape {
  /** 0 for a vector. */
  height: number;
  width: number;
  channels: number;
}

export type Operation =
  | { op: 'input'; name: string }
  | { op: 'conv2d'; name: string; kernel: number; pad: number; bias: boolean }
  | { op: 'addBias'; name: string }
  | { op: 'downsample'; taps: readonly number[]; pad: number }
  | { op: 'upsample'; taps: readonly number[] }
  | { op: 'groupNorm'; name: string; groups: number; eps: number }
  | { op: 'silu' }
  | { op: 'add' }
  /** `gain`: the block whose gain, a number of each run, scales it too. */
  | { op: 'scale'; factor: number; gain: string | null }
  | { op: 'concat' }
  | { op: 'addVector' }
  | { op: 'modulate' }
  /** `siblings`: all linear layers that read the same vector, itself too, in the order of the network. */
  | { op: 'linear'; name: string; bias: boolean; siblings: readonly Node[] }
  | { op: 'attention'; heads: number };

/** One operation of a recorded network and its result. */
export interface Node {
  operation: Operation;
  inputs: readonly Node[];
  shape: Shape;
  /** How many nodes read it. */
  uses: number;
  /** Heads of the attention that reads it as q, k and v; 0 for everything else. */
  attentionHeads: number;
}

/** Records a network as a graph of nodes instead of running it. */
export class GraphOps implements Ops<Node> {
  private readonly linears = new Map<Node, Node[]>();

  /** `gains`: layers whose output is scaled at each run, and the blocks that they belong to, by parameter prefix. */
  constructor(
    private readonly parameterShape: (name: string) => readonly number[] | undefined,
    private readonly gains: ReadonlyMap<string, string> = new Map(),
  ) {}

  input(name: string, shape: Shape): Node {
    return this.node({ op: 'input', name }, [], shape);
  }

  scope(module: () => Node): Node {
    return module();
  }

  conv2d(x: Node, name: string, { pad, bias }: { pad: number; bias?: false }): Node {
    const [out, , kernel] = this.weightShape(name) as [number, number, number];
    const grow = 2 * pad + 1 - kernel;
    const convolved = this.node({ op: 'conv2d', name, kernel, pad, bias: bias !== false }, [x], {
      height: x.shape.height + grow,
      width: x.shape.width + grow,
      channels: out,
    });
    return bias === false ? convolved : this.gained(convolved, name); // else where the bias is added
  }

  addBias(x: Node, name: string): Node {
    return this.gained(this.node({ op: 'addBias', name }, [x], x.shape), name);
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
    return this.node({ op: 'upsample', taps }, [x], { height: 2 * height, width: 2 * width, channels });
  }

  groupNorm(x: Node, name: string, options: { groups: number; eps: number }): Node {
    return this.gained(this.node({ op: 'groupNorm', name, ...options }, [x], x.shape), name);
  }

  silu(x: Node): Node {
    return this.node({ op: 'silu' }, [x], x.shape);
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
    const channels = this.weightShape(name)[0]!;
    const siblings = this.linears.get(v) ?? [];
    this.linears.set(v, siblings);
    const bias = options?.bias !== false;
    const node = this.node({ op: 'linear', name, bias, siblings }, [v], { height: 0, width: 0, channels });
    siblings.push(node);
    return node;
  }

  attention(qkv: Node, heads: number): Node {
    qkv.attentionHeads = heads;
    return this.node({ op: 'attention', heads }, [qkv], {
      ...qkv.shape,
      channels: qkv.shape.channels / 3,
    });
  }

  private node(operation: Operation, inputs: Node[], shape: Shape): Node {
    for (const input of inputs) input.uses++;
    return { operation, inputs, shape, uses: 0, attentionHeads: 0 };
  }

  private gained(x: Node, layer: string): Node {
    const gain = this.gains.get(layer);
    return gain === undefined ? x : this.node({ op: 'scale', factor: 1, gain }, [x], x.shape);
  }

  private weightShape(name: string): readonly number[] {
    const shape = this.parameterShape(`${name}.weight`);
    if (!shape) throw new InnateError('bad-file', 'a parameter is missing', { where: `${name}.weight` });
    return shape;
  }
}

/** Collects what a forward pass shows to its tap: block and part names to nodes. */
export function collectTaps(): { tap: Tap<Node>; nodes: Map<string, Node> } {
  const nodes = new Map<string, Node>();
  return { nodes, tap: (name, node) => void nodes.set(name, node) };
}
