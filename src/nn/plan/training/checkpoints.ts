import type { Graph, Node } from '../graph';
import { type ConvGeometry, tapsOf } from '../operations';

/** What recording one block again gives back, and what it costs. */
export interface Recomputable {
  /** Its place among the blocks of the step. */
  block: number;
  /** Float32 values of each image that the way back no longer holds from the forward pass on. */
  values: number;
  /** Multiply-adds, or values where nothing is multiplied, of each image that are made once more. */
  work: number;
}

/** Nodes of one block by their ids, `to` excluded. */
interface Block {
  from: number;
  to: number;
}

/**
 * Recomputation of activations (Chen et al. 2016, "Training deep nets with sublinear memory cost"). The forward pass of a step is cut
 * into blocks as it is recorded. Of a block that is recomputed only what other blocks read outlives its forward pass: the
 * checkpoints. The rest is recorded again, node by node, right before the block's gradients, which read those twins: in the
 * order of recording they are made late and read soon, and the originals end where the next block begins. A twin is the same operation
 * on the same values, so it has the same bits. Vectors are small and are kept; what is drawn for a step is an input, and the same.
 */
export class Checkpoints {
  /** Nodes that were recorded a second time. */
  readonly twins = new Set<Node>();
  /** What else could be, by the gradients so far. */
  readonly others: Recomputable[] = [];
  private readonly blocks: Block[] = [];
  private from = 0;

  /** `recomputed`: blocks by their place in the order of recording. */
  constructor(
    private readonly graph: Graph,
    private readonly recomputed: ReadonlySet<number>,
  ) {}

  /** A network begins: what was recorded before it is in no block of it. */
  begin(): void {
    this.from = this.graph.nodes.length;
  }

  /** A block of it ends, and another may begin. */
  end(): void {
    this.blocks.push({ from: this.from, to: this.graph.nodes.length });
    this.begin();
  }

  /** For the gradients that are recorded from here on. */
  wayBack(): WayBack {
    return new WayBack(this.graph, this.blocks, this.recomputed, this);
  }
}

/** The forward values that one pass of gradients reads. */
export class WayBack {
  /** Nodes that are read outside their own block, by what was recorded before this pass. */
  private readonly kept = new Set<Node>();
  private readonly twins = new Map<Node, Node>();
  private readonly entered = new Set<number>();
  private readonly start: number;

  constructor(
    private readonly graph: Graph,
    private readonly blocks: readonly Block[],
    private readonly recomputed: ReadonlySet<number>,
    private readonly all: Pick<Checkpoints, 'twins' | 'others'>,
  ) {
    this.start = graph.nodes.length;
    for (const reader of graph.nodes)
      for (const input of reader.inputs)
        if (this.blockOf(input) !== this.blockOf(reader)) this.kept.add(input);
  }

  /** Records the block of a node again, where it is to be and was not yet: before the first gradient of one of its nodes. */
  enter(node: Node): void {
    const block = this.blockOf(node);
    if (block < 0 || this.entered.has(block)) return;
    this.entered.add(block);
    if (!this.recomputed.has(block)) return;
    for (const original of this.nodesOf(block)) {
      if (!this.passing(original)) continue;
      const inputs = original.inputs.map((input) => this.value(input));
      const twin = this.graph.node(original.operation, inputs, original.shape);
      twin.attentionHeads = original.attentionHeads;
      this.twins.set(original, twin);
      this.all.twins.add(twin);
    }
  }

  /** The node that has a node's value now. */
  value(node: Node): Node {
    return this.twins.get(node) ?? node;
  }

  /** Notes, when all gradients are there, what the blocks that were not recorded again hold for them. */
  conclude(): void {
    const read = new Set(this.graph.nodes.slice(this.start).flatMap(({ inputs }) => inputs));
    for (const block of this.entered) {
      if (this.recomputed.has(block)) continue;
      const nodes = this.nodesOf(block).filter((node) => this.passing(node));
      const held = new Set(nodes.filter((node) => read.has(node)));
      const values = total([...held].filter(occupies), valuesOf);
      const made = new Set(held);
      for (const node of [...nodes].reverse())
        if (made.has(node)) for (const input of node.inputs) if (this.passing(input)) made.add(input);
      if (values > 0) this.all.others.push({ block, values, work: total([...made], workOf) });
    }
  }

  /** Whether a node is a map that only its own block reads. */
  private passing(node: Node): boolean {
    return node.shape.height > 0 && node.inputs.length > 0 && !this.kept.has(node);
  }

  private nodesOf(block: number): Node[] {
    const { from, to } = this.blocks[block]!;
    return this.graph.nodes.slice(from, to);
  }

  /** The place of a node's block; -1: it is in none. */
  private blockOf({ id }: Node): number {
    let [low, high] = [0, this.blocks.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.blocks[middle]!.to <= id) low = middle + 1;
      else high = middle;
    }
    return (this.blocks[low]?.from ?? Number.POSITIVE_INFINITY) <= id ? low : -1;
  }
}

const total = (nodes: readonly Node[], of: (node: Node) => number): number =>
  nodes.reduce((sum, node) => sum + of(node), 0);

const valuesOf = ({ shape }: Node): number => shape.height * shape.width * shape.channels;

/** The gradients of a norm and what follows it are taken from what the norm reads. */
const occupies = ({ operation: o }: Node): boolean =>
  o.op !== 'silu' && o.op !== 'modulate' && !(o.op === 'groupNorm' && o.over === 'image');

function workOf(node: Node): number {
  const { operation: o, inputs, shape } = node;
  const values = valuesOf(node);
  if (o.op === 'attention') return 2 * values * shape.height * shape.width;
  if (o.op !== 'conv2d') return values;
  return values * tapsOf(o satisfies ConvGeometry) * (o.depthwise ? 1 : inputs[0]!.shape.channels);
}
