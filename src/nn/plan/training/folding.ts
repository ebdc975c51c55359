import type { Node } from '../graph';
import type { Activation } from '../operations';

/** What follows a convolution and is done as it writes: activation((y + vector + residual) * scale). */
export interface Ending {
  root: Node;
  vector: Node | null;
  residual: Node | null;
  scale: number;
  activation: Activation | null;
}

/** The ending of what nothing follows. */
export const alone = (root: Node): Ending => ({
  root,
  vector: null,
  residual: null,
  scale: 1,
  activation: null,
});

/** A norm with what reads it alone: the values that a convolution makes of its source as it reads. */
export interface Normed {
  norm: Node;
  /** [scale, shift] of adaptive normalisation. */
  modulate: Node | null;
  silu: boolean;
}

/** The gradients of a norm and of what follows it, which are computed together. */
export interface NormGradientPlan extends Normed {
  sums: Node;
  /** The gradient behind it all. */
  dy: Node;
  dx: Node | null;
  weight: Node | null;
  bias: Node | null;
  /** Gradient of `modulate`. */
  vector: Node | null;
}

/** Which nodes of a step have no call of their own: they are parts of another node's. */
export class Folding {
  readonly needed: readonly Node[];
  /** By what they read; the last one recorded comes first. */
  readonly readers = new Map<Node, Node[]>();
  readonly endings = new Map<Node, Ending>();
  /** By the node of the sums. */
  readonly normGradients = new Map<Node, NormGradientPlan>();
  /** Part of something else. */
  readonly folded = new Set<Node>();
  private readonly kept: ReadonlySet<Node>;

  constructor(nodes: readonly Node[], wanted: readonly Node[]) {
    this.kept = new Set(wanted);
    const needed = new Set(wanted);
    for (const node of [...nodes].reverse()) {
      if (!needed.has(node)) continue;
      for (const input of node.inputs) {
        needed.add(input);
        this.readers.set(input, [...(this.readers.get(input) ?? []), node]);
      }
    }
    this.needed = nodes.filter((node) => needed.has(node));
    for (const node of this.needed) if (node.operation.op === 'normSums') this.foldNormGradient(node);
    for (const node of [...this.needed].reverse()) if (!this.folded.has(node)) this.foldEnding(node);
  }

  /** How a node can be read through a prologue; null: it is read as it is. */
  normed(node: Node): Normed | null {
    let at = node;
    const silu = at.operation.op === 'silu';
    if (silu) at = at.inputs[0]!;
    let modulate: Node | null = null;
    if (at.operation.op === 'modulate') {
      modulate = at.inputs[1]!;
      at = at.inputs[0]!;
    }
    const { operation: o } = at;
    return o.op === 'groupNorm' && o.over === 'image' ? { norm: at, modulate, silu } : null;
  }

  private reads(node: Node): readonly Node[] {
    return this.readers.get(node) ?? [];
  }

  private single(node: Node): boolean {
    return this.reads(node).length === 1 && !this.kept.has(node) && !this.folded.has(node);
  }

  private foldEnding(node: Node): void {
    const ending = alone(node);
    const passed: Node[] = [];
    let at = node;
    const enter = (next: Node): boolean => {
      if (!this.single(next)) return false;
      passed.push(next);
      at = next;
      return true;
    };
    if (at.operation.op === 'activate' && at.operation.kind !== 'softplus') {
      ending.activation = at.operation.kind;
      if (!enter(at.inputs[0]!)) return;
    }
    if (at.operation.op === 'scale') {
      ending.scale = at.operation.factor;
      if (!enter(at.inputs[0]!)) return;
    }
    if (at.operation.op === 'add') {
      const host = at.inputs.find((input) => this.single(input) && isRootedMap(input));
      if (!host) return;
      ending.residual = at.inputs.find((input) => input !== host) ?? null;
      if (!ending.residual || !enter(host)) return;
    }
    if (at.operation.op === 'addVector') {
      ending.vector = at.inputs[1]!;
      if (!enter(at.inputs[0]!)) return;
    }
    const { operation: o } = at;
    if (at === node || (o.op !== 'conv2d' && o.op !== 'convTransposed')) return;
    const residualAlone = ending.scale === 1 && !ending.activation && !ending.vector;
    if (o.op === 'convTransposed' && o.depthwise && !residualAlone) return;
    ending.root = at;
    this.endings.set(node, ending);
    for (const inner of passed) this.folded.add(inner);
  }

  private foldNormGradient(sums: Node): void {
    const dyNorm = sums.inputs[1]!;
    const gradient = this.reads(sums).find(({ operation }) => operation.op === 'normGradient') ?? null;
    const norm = normOf(this, sums, sums.operation as NormOf, gradient?.inputs[3]);
    if (!norm) return;
    const modulated = this.reads(norm).find(({ operation: o }) => o.op === 'modulate') ?? null;
    const plan: NormGradientPlan = {
      norm,
      sums,
      modulate: modulated?.inputs[1] ?? null,
      silu: false,
      dy: dyNorm,
      dx: gradient,
      weight: null,
      bias: null,
      vector: null,
    };
    const inner = [sums, ...this.reads(sums).filter(({ operation: o }) => o.op === 'slice')];
    if (modulated) {
      const times = dyNorm;
      const behind = times.inputs[0]!;
      const dot = this.reads(behind).find(
        ({ operation: o, inputs }) => o.op === 'pixelDot' && inputs[1] === norm,
      );
      plan.vector = dot ? (this.reads(dot)[0] ?? null) : null;
      plan.dy = behind;
      inner.push(times, ...(dot ? [dot, plan.vector!, plan.vector!.inputs[1]!] : []), times.inputs[1]!);
    }
    if (plan.dy.operation.op === 'siluGradient' && plan.dy.inputs[0] === (modulated ?? norm)) {
      inner.push(plan.dy);
      plan.dy = plan.dy.inputs[1]!;
      plan.silu = true;
    }
    for (const part of this.reads(sums)) {
      if (part.operation.op !== 'slice') continue;
      const total = this.reads(part)[0] ?? null;
      if (part.operation.from === 0) plan.bias = total;
      else plan.weight = total;
      if (total) inner.push(total);
    }
    if (gradient) inner.push(gradient);
    for (const node of inner) this.folded.add(node);
    this.normGradients.set(sums, plan);
  }
}

/** What tells the norms of one map from each other. */
export interface NormOf {
  groups: number;
  eps: number;
  over: 'image' | 'batch';
}

/**
 * The norm of the first input of a node that is recorded on the way back through it: the last one before it, since a forward pass that
 * is recomputed leaves a twin. `weight`: its scale, where that tells it too.
 */
export const normOf = (
  { readers }: Pick<Folding, 'readers'>,
  node: Node,
  { groups, eps, over }: NormOf,
  weight?: Node,
): Node | undefined =>
  readers
    .get(node.inputs[0]!)
    ?.find(
      ({ id, operation: o, inputs }) =>
        o.op === 'groupNorm' &&
        id < node.id &&
        o.over === over &&
        o.groups === groups &&
        o.eps === eps &&
        (!weight || weight === inputs[1]),
    );

/** A convolution, perhaps under a vector: what a sum can be the ending of. */
function isRootedMap(node: Node): boolean {
  const at = node.operation.op === 'addVector' ? node.inputs[0]! : node;
  return at.operation.op === 'conv2d' || at.operation.op === 'convTransposed';
}
