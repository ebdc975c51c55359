import type { Node } from '../graph';
import { tapsOf } from '../operations';
import { storedChannels } from '../steps';

/**
 * How a whole value lies in the kernels' memory: as a filter or a matrix, each executor in its own order, a depthwise filter
 * by taps, everything else as a vector. A parameter, its gradient, its moment and its average lie alike.
 */
export type WholeLayout =
  | { kind: 'vector'; channels: number; heads: number }
  | { kind: 'filter'; taps: number; inputs: number; outputs: number; heads: number }
  | { kind: 'depthwise'; kernel: number; channels: number }
  | { kind: 'matrix'; inputs: number; outputs: number };

/** The layouts of a graph's whole values, by what reads and writes them. */
export class WholeLayouts {
  private readonly known = new Map<Node, WholeLayout>();

  /** `carried`: state that takes over another node's value, and that node; `shared`: leaves that lie in memory already. */
  constructor(
    private readonly readers: ReadonlyMap<Node, readonly Node[]>,
    private readonly carried: ReadonlyMap<Node, Node>,
    private readonly shared: (name: string) => WholeLayout | undefined,
  ) {}

  of(node: Node): WholeLayout {
    let layout = this.known.get(node);
    if (!layout) {
      const source = this.carried.get(node);
      layout =
        (node.operation.op === 'parameter' ? this.shared(node.operation.name) : undefined) ??
        this.made(node) ??
        this.read(node) ??
        (source ? this.of(source) : vector(node.shape.channels, 0));
      this.known.set(node, layout);
    }
    return layout;
  }

  /** What writes it decides. */
  private made(node: Node): WholeLayout | null {
    const { operation: o, inputs } = node;
    const [a, b] = inputs;
    switch (o.op) {
      case 'filterGradient': {
        const outputs = b!.shape.channels;
        if (o.depthwise) return { kind: 'depthwise', kernel: o.kernel, channels: outputs };
        return {
          kind: 'filter',
          taps: tapsOf(o),
          inputs: a!.shape.channels,
          outputs,
          heads: b!.attentionHeads,
        };
      }
      case 'outer':
        return { kind: 'matrix', inputs: b!.shape.channels, outputs: a!.shape.channels };
      case 'add':
      case 'scale':
      case 'adam':
      case 'spectralNorm':
      case 'spectralGradient':
        return this.of(a!);
      case 'blend':
        return this.of(b!);
      case 'powerV': {
        const filter = this.of(a!);
        if (filter.kind !== 'filter') return null;
        return vector(filter.taps * storedChannels(filter.inputs), 0);
      }
      case 'imageSum':
        return vector(node.shape.channels, a!.inputs[0]?.attentionHeads ?? 0);
      case 'powerU':
        return vector(node.shape.channels, 0);
      default:
        return null;
    }
  }

  /** What reads a leaf decides. */
  private read(node: Node): WholeLayout | null {
    for (const reader of this.readers.get(node) ?? []) {
      const { operation: o, inputs, shape } = reader;
      const place = inputs.indexOf(node);
      if ((o.op === 'conv2d' || o.op === 'convTransposed') && place === 1) {
        // The one that has the convolution's outputs as channels: its result, or what is transposed.
        const [source, result] = o.op === 'conv2d' ? [inputs[0]!, reader] : [reader, inputs[0]!];
        const outputs = result.shape.channels;
        if (o.depthwise) return { kind: 'depthwise', kernel: o.kernel, channels: outputs };
        return {
          kind: 'filter',
          taps: tapsOf(o),
          inputs: source.shape.channels,
          outputs,
          heads: result.attentionHeads,
        };
      }
      if (o.op === 'conv2d' && place === 2) return vector(shape.channels, reader.attentionHeads);
      if ((o.op === 'linear' || o.op === 'linearTransposed') && place === 1) {
        const [outputs, inputFeatures] = node.shape.whole as [number, number];
        return { kind: 'matrix', inputs: inputFeatures, outputs };
      }
      if (o.op === 'spectralNorm' && place === 0) return this.read(reader);
      if (o.op === 'adam' && place === 0) {
        const after = this.read(reader);
        if (after) return after;
      }
      if (o.op === 'adam' && place === 2) return this.of(inputs[0]!);
      if (o.op === 'blend' && place === 0) return this.of(inputs[1]!);
    }
    return null;
  }
}

const vector = (channels: number, heads: number): WholeLayout => ({ kind: 'vector', channels, heads });
