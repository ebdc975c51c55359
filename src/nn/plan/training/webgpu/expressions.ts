import {
  channelSums,
  type Expression,
  type ExpressionCounts,
  mapped,
  pixelSums,
  wholeSum,
} from '../../../../gpu/kernels/expression';
import { linearGrid } from '../../../../gpu/kernels/grid';
import type { Kernel } from '../../../../gpu/kernels/kernel';
import type { Node } from '../../graph';
import { storedChannels } from '../../steps';
import { Unplanned } from '../executor';
import type { Normed } from '../folding';
import type { Rows } from './panels';
import { aligned, type View, wholeView } from './program';
import { Reads } from './reads';
import type { Site } from './site';

/** Buffers that a kernel may read, so that with the one it writes they are at most as many as any device binds. */
const MOST_READS = 7;

/** Which inputs of an operation lie element by element as its result does; they may be computed where they are read. */
const ALIGNED: Readonly<Record<string, readonly number[]>> = {
  add: [0, 1],
  scale: [0],
  silu: [0],
  siluGradient: [0, 1],
  gelu: [0],
  geluGradient: [0, 1],
  addMap: [0],
  activate: [0],
  activateGradient: [0, 1],
  addVector: [0],
  addBias: [0],
  timesOnePlus: [0],
  timesChannels: [0],
  timesVector: [0],
  modulate: [0],
  concat: [0, 1],
  groupNorm: [],
  outerVector: [],
  broadcast: [],
  slice: [],
  constant: [],
};
/** What sums an expression. */
const SUMS: Readonly<Record<string, readonly number[]>> = {
  pixelSum: [0],
  pixelDot: [0, 1],
  total: [0],
  dotVector: [0],
};

/** A norm's factors and offsets, [images, 2, C], for one image or for each. */
export interface Affine {
  source: Node;
  view: View;
  perImage: boolean;
}

/** What is done element by element: trees of operations become one kernel, and sums take in what they sum. */
export class Expressions {
  /** Gives the affine of a norm, which it computes where it is first asked for. */
  affine: (normed: Normed) => Affine = ({ norm }) => {
    throw new Unplanned(norm.operation.op, 'no norm');
  };

  constructor(
    private readonly site: Site,
    /** Nodes that no call of the step computes. */
    private readonly late: ReadonlySet<Node>,
    private readonly kept: ReadonlySet<Node>,
  ) {}

  /** Whether a node needs no memory: whoever reads it computes it. */
  inlined(node: Node): boolean {
    if (this.site.views.has(node) || this.kept.has(node)) return false;
    const { op } = node.operation;
    if (!(op in ALIGNED)) return false;
    if (op === 'slice' || op === 'broadcast' || constantOf(node) !== null || this.normed(node)) return true;
    const readers = this.site.folding.readers.get(node) ?? [];
    // A number times what is there anyway costs nothing where it is read.
    if (op === 'scale' && !this.inlined(node.inputs[0]!) && !readers.some((reader) => this.late.has(reader)))
      return true;
    const [reader] = readers;
    if (readers.length !== 1 || !reader || this.late.has(reader)) return false;
    const { folded, endings } = this.site.folding;
    if (folded.has(reader) || endings.has(reader) || this.site.panels.folded.has(reader)) return false;
    const places = ALIGNED[reader.operation.op] ?? SUMS[reader.operation.op] ?? [];
    return places.includes(reader.inputs.indexOf(node)) && same(node, reader.inputs[0]!, reader);
  }

  /** Writes an element-by-element node to memory. */
  write(node: Node): View {
    const { site } = this;
    const reads = new Reads();
    const expression = this.apply(node, reads, MOST_READS);
    const out = site.place(node);
    const { images, pixels, channels, stored } = site.extent(node);
    site.elements(
      {
        kernel: mapped(expression, reads.counts),
        operands: [...reads.views, out],
        uniforms: { ...reads.uniforms, channels, stored, pixels },
      },
      images * pixels * stored,
    );
    return out;
  }

  /** The sums over pixels of a node's operands, as a vector of each image, as rows that are added up later, or both. */
  writePixelSums(node: Node, { vector, rows }: { vector: boolean; rows: readonly Rows[] }): void {
    const { site } = this;
    const reads = new Reads();
    const expression = this.summand(node, reads);
    const source = site.extent(node.inputs[0]!);
    const stored = storedChannels(node.shape.channels);
    const { lanes, lines } = this.sumShape(source.pixels);
    const padded = rows.length > 0 ? aligned(4 * stored) / 4 : stored;
    const outs = [
      ...(vector ? [{ view: site.place(node), base: 0, stride: stored, count: stored }] : []),
      ...rows.map(({ rows: room, base, stride, at }) => ({
        view: wholeView(room),
        base: base + at,
        stride,
        count: padded,
      })),
    ];
    const uniforms = Object.fromEntries(
      outs.flatMap(({ base, stride, count }, i) => [
        [`outBase${i}`, base],
        [`outStride${i}`, stride],
        [`outCount${i}`, count],
      ]),
    );
    // Rows of two parameters lie in one room: it is bound once.
    const places = outs.map(({ view }) => outs.findIndex((other) => other.view.room === view.room));
    const bound = [...new Set(places)];
    site.emit({
      kernel: pixelSums(expression, reads.counts, lanes, lines, places),
      operands: [...reads.views, ...bound.map((i) => outs[i]!.view)],
      uniforms: {
        ...reads.uniforms,
        ...uniforms,
        channels: node.shape.channels,
        stored: padded,
        pixels: source.pixels,
      },
      grid: [Math.ceil(padded / lanes), site.batch, 1],
    });
  }

  /** The sum over everything. */
  writeTotal(node: Node): void {
    const { traits } = this.site.options;
    const kernel = (expression: Expression, counts: ExpressionCounts) =>
      wholeSum(expression, counts, traits.reducers, traits.subgroupReduce);
    this.sum(
      node,
      kernel,
      ({ images, pixels, channels }) => images * pixels * channels,
      () => [1, 1, 1],
    );
  }

  /** The sum over channels, a map of one. */
  writeChannelSums(node: Node): void {
    this.sum(
      node,
      channelSums,
      ({ images, pixels }) => images * pixels,
      (total) => linearGrid(Math.ceil(total / 64)),
    );
  }

  private sum(
    node: Node,
    kernel: (expression: Expression, counts: ExpressionCounts) => Kernel,
    count: (extent: ReturnType<Site['extent']>) => number,
    grid: (total: number) => [number, number, number],
  ): void {
    const { site } = this;
    const reads = new Reads();
    const expression = this.summand(node, reads);
    const source = site.extent(node.inputs[0]!);
    const total = count(source);
    const { channels, pixels } = source;
    site.emit({
      kernel: kernel(expression, reads.counts),
      operands: [...reads.views, site.place(node)],
      uniforms: { ...reads.uniforms, total, channels, pixels },
      grid: grid(total),
    });
  }

  private sumShape(pixels: number): { lanes: number; lines: number } {
    if (this.site.options.software) return { lanes: 16, lines: 1 };
    return { lanes: 32, lines: pixels >= 64 ? 8 : 1 };
  }

  private summand(node: Node, reads: Reads): Expression {
    const [a, b] = node.inputs as [Node, Node];
    switch (node.operation.op) {
      case 'pixelDot': {
        const wide = b.shape.channels === 1 && a.shape.channels > 1;
        const other = wide ? this.pixel(b, reads) : null;
        return { apply: 'multiply', to: [this.of(a, reads, MOST_READS - 2), other ?? this.of(b, reads, 2)] };
      }
      case 'dotVector':
        return { apply: 'multiply', to: [this.of(a, reads, MOST_READS - 1), this.vector(b, reads)] };
      default:
        return this.of(a, reads, MOST_READS);
    }
  }

  /** A node's value where it is used: computed there, or read. At most `budget` reads. */
  private of(node: Node, reads: Reads, budget: number): Expression {
    const constant = constantOf(node);
    if (constant !== null) return { constant: reads.constant(constant) };
    if (node.operation.op === 'slice')
      return reads.read(
        'map',
        this.site.view(node.inputs[0]!),
        this.stride(node.inputs[0]!),
        node.operation.from,
      );
    const fits = this.width(node) <= budget || (node.operation.op === 'add' && budget > 1);
    if (this.inlined(node) && fits) return this.apply(node, reads, budget);
    return reads.read('map', this.site.view(node), this.stride(node));
  }

  private stride(node: Node): number {
    return this.site.extent(node).stored;
  }

  private vector(node: Node, reads: Reads, offset = 0): Expression {
    const constant = constantOf(node);
    if (constant !== null) return { constant: reads.constant(constant) };
    if (node.operation.op === 'slice')
      return this.vector(node.inputs[0]!, reads, offset + node.operation.from);
    return reads.read('vector', this.site.view(node), this.stride(node), offset);
  }

  private pixel(node: Node, reads: Reads): Expression {
    const constant = constantOf(node);
    if (constant !== null) return { constant: reads.constant(constant) };
    return reads.read('pixel', this.site.view(node), this.stride(node));
  }

  /** Reads of a node when it is computed where it is used. */
  private width(node: Node): number {
    if (constantOf(node) !== null) return 0;
    if (!this.inlined(node)) return 1;
    return this.ownWidth(node);
  }

  private ownWidth(node: Node): number {
    if (this.normed(node)) return 3;
    const aligned = ALIGNED[node.operation.op]!;
    return node.inputs.reduce(
      (sum, input, i) =>
        sum + (aligned.includes(i) ? this.width(input) : node.operation.op === 'modulate' ? 2 : 1),
      0,
    );
  }

  /** How a node is read through a norm, null where it is none. */
  normed(node: Node): Normed | null {
    const { folding } = this.site;
    const { operation: o } = node;
    if (o.op === 'groupNorm' && o.over === 'batch') return { norm: node, modulate: null, silu: false };
    return folding.normed(node);
  }

  private apply(node: Node, reads: Reads, budget: number): Expression {
    const normed = this.normed(node);
    if (normed && !(node.operation.op === 'silu' && this.site.views.has(node.inputs[0]!)))
      return this.applyNorm(normed, reads);
    const { operation: o, inputs } = node;
    const [a, b] = inputs as [Node, Node];
    const one = () => this.of(a, reads, budget - (inputs.length - 1));
    switch (o.op) {
      case 'constant':
        return { constant: reads.constant(o.value) };
      case 'broadcast':
        return reads.read('number', this.site.view(a));
      case 'slice':
        return this.of(node, reads, budget);
      case 'add': {
        const [x, y] = this.pair(a, b, reads, budget);
        return { apply: 'add', to: [x, y] };
      }
      case 'scale':
        return { apply: 'scale', to: [one()], by: reads.constant(o.factor) };
      case 'silu':
        return { apply: 'silu', to: [one()] };
      case 'siluGradient': {
        const to = this.pair(a, b, reads, budget);
        return { apply: 'siluGradient', to };
      }
      case 'gelu':
        return { apply: 'gelu', to: [one()] };
      case 'geluGradient':
        return { apply: 'geluGradient', to: this.pair(a, b, reads, budget) };
      case 'addMap':
        return { apply: 'add', to: [one(), reads.read('place', this.site.view(b), this.stride(node))] };
      case 'activate':
        return { apply: 'activation', to: [one()], kind: o.kind };
      case 'activateGradient':
        return { apply: 'slope', to: this.pair(a, b, reads, budget), kind: o.kind };
      case 'addVector':
        return { apply: 'add', to: [one(), this.vector(b, reads)] };
      case 'addBias':
        return { apply: 'add', to: [one(), reads.read('channel', this.site.view(b))] };
      case 'timesChannels':
        return { apply: 'multiply', to: [one(), reads.read('channel', this.site.view(b))] };
      case 'timesOnePlus':
        return { apply: 'timesOnePlus', to: [one(), this.vector(b, reads)] };
      case 'timesVector':
        return { apply: 'multiply', to: [one(), this.vector(b, reads)] };
      case 'modulate': {
        const x = this.of(a, reads, budget - 2);
        const scaled: Expression = { apply: 'timesOnePlus', to: [x, this.vector(b, reads)] };
        return { apply: 'add', to: [scaled, this.vector(b, reads, node.shape.channels)] };
      }
      case 'outerVector':
        return { apply: 'multiply', to: [this.pixel(a, reads), this.vector(b, reads)] };
      case 'concat':
        return { join: reads.join(a.shape.channels), of: this.pair(a, b, reads, budget) };
      default:
        throw new Unplanned(o.op, 'no element-by-element operation');
    }
  }

  /** Both operands, of the wider one only so much that they are not too many reads together. */
  private pair(a: Node, b: Node, reads: Reads, budget: number): [Expression, Expression] {
    const [wa, wb] = [this.width(a), this.width(b)];
    const narrow = Math.min(wa, wb, budget - 1);
    const wide = budget - narrow;
    return wa >= wb
      ? [this.of(a, reads, Math.min(wa, wide)), this.of(b, reads, narrow)]
      : [this.of(a, reads, narrow), this.of(b, reads, Math.min(wb, wide))];
  }

  private applyNorm(normed: Normed, reads: Reads): Expression {
    const { source, view, perImage } = this.affine(normed);
    const width = this.stride(source);
    const stride = perImage ? 2 * width : 0;
    const x = reads.read('map', this.site.view(source), width);
    const scaled: Expression = { apply: 'multiply', to: [x, reads.read('vector', view, stride)] };
    const y: Expression = { apply: 'add', to: [scaled, reads.read('vector', view, stride, width)] };
    return normed.silu ? { apply: 'silu', to: [y] } : y;
  }
}

/** The number that a node is everywhere, null where it depends on something. */
export function constantOf(node: Node): number | null {
  const { operation: o, inputs } = node;
  switch (o.op) {
    case 'constant':
      return o.value;
    case 'broadcast':
      return constantOf(inputs[0]!);
    case 'scale': {
      const inner = constantOf(inputs[0]!);
      return inner === null ? null : inner * o.factor;
    }
    case 'add': {
      const [a, b] = inputs.map(constantOf);
      return a == null || b == null ? null : a + b;
    }
    default:
      return null;
  }
}

/** Whether an input lies as the result does, or as what is summed. */
const same = (node: Node, first: Node, reader: Node): boolean => {
  const { height, width, whole } = node.shape;
  const like = reader.operation.op in SUMS ? first.shape : reader.shape;
  return like.height === height && like.width === width && !like.whole === !whole;
};
