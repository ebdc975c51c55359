import { InnateError } from '../../lib/errors';
import type { Node } from './graph';
import type {
  Epilogue,
  LinearPart,
  LinearStep,
  NormStep,
  Output,
  Plan,
  Prologue,
  Step,
  Value,
  VectorSlice,
} from './steps';

/**
 * Turns a recorded network into steps. Works backwards from what is asked for: the value of a node is made by
 * one step whose epilogue takes in the sums above a convolution and whose prologue takes in the normalisation
 * below it, so nothing is written that only the next step would read.
 */
export function fuse(
  outputs: ReadonlyMap<string, Node>,
  watched: ReadonlyMap<string, Node> = new Map(),
): Plan {
  const fusion = new Fusion(new Set([...outputs.values(), ...watched.values()]));
  const results = new Map<string, Value>();
  for (const [name, node] of outputs) results.set(name, fusion.value(node));
  const observed = new Map<string, Value>();
  for (const [name, node] of watched) observed.set(name, fusion.value(node));
  const { steps, moved } = joinLinears(fusion.steps, fusion.values);
  const output = (value: Value): Output => {
    const { vector, offset } = moved.get(value) ?? { vector: value, offset: 0 };
    return { value: vector, offset, channels: value.channels };
  };
  return {
    values: fusion.values,
    steps,
    inputs: fusion.inputs,
    outputs: new Map(Array.from(results, ([name, value]) => [name, output(value)])),
    observed,
  };
}

/** A step's root operation with the sums that follow it. */
interface Rooted {
  root: Node;
  /** The step computes the root; otherwise it reads the root's value, which others read too. */
  own: boolean;
  epilogue: Epilogue;
}

class Fusion {
  readonly values: Value[] = [];
  readonly steps: Step[] = [];
  readonly inputs = new Map<string, Value>();
  private readonly made = new Map<Node, Value>();
  private readonly affines = new Map<Node, Value>();

  /** `kept`: nodes whose values are wanted as such. */
  constructor(private readonly kept: ReadonlySet<Node>) {}

  /** The buffer that holds a node's value, computed by steps emitted up to now. */
  value(node: Node): Value {
    let value = this.made.get(node);
    if (!value) {
      value = this.make(node);
      this.made.set(node, value);
    }
    return value;
  }

  private make(node: Node): Value {
    const { operation, shape } = node;
    if (operation.op === 'input') {
      const value = this.declare(node);
      this.inputs.set(operation.name, value);
      return value;
    }
    if (shape.height === 0) return this.linear(node);
    if (operation.op === 'attention') {
      const qkv = this.value(node.inputs[0]!);
      return this.emit({ kind: 'attention', qkv, heads: operation.heads, out: this.declare(node) });
    }
    const { root, own, epilogue } = this.rooted(node);
    const at = own ? root.operation : null;
    switch (at?.op) {
      case 'conv2d': {
        const { prologue, sources } = this.read(root.inputs[0]!);
        const { name, kernel, pad } = at;
        const out = this.declare(node);
        return this.emit({ kind: 'conv', sources, prologue, name, kernel, pad, epilogue, out });
      }
      case 'downsample':
      case 'upsample': {
        const { prologue, sources } = this.read(root.inputs[0]!);
        const source = sources.length === 1 ? sources[0]! : this.value(root.inputs[0]!);
        const down = at.op === 'downsample';
        return this.emit({
          kind: 'resample',
          direction: down ? 'down' : 'up',
          taps: at.taps,
          pad: down ? at.pad : 0,
          source,
          prologue,
          epilogue,
          out: this.declare(node),
        });
      }
      default: {
        const { prologue, sources } = this.read(root, root === node ? node : undefined);
        return this.emit({ kind: 'pointwise', sources, prologue, epilogue, out: this.declare(node) });
      }
    }
  }

  /** Walks from a result down through scale, sum and biases to the operation they belong to. */
  private rooted(node: Node): Rooted {
    const epilogue: Epilogue = { bias: null, vector: null, residual: null, scale: 1, gain: null };
    let at = node;
    if (at.operation.op === 'scale') {
      epilogue.scale = at.operation.factor;
      epilogue.gain = at.operation.gain;
      at = this.inner(at.inputs[0]!) ? at.inputs[0]! : at;
      if (at === node) return { root: at.inputs[0]!, own: false, epilogue };
    }
    if (at.operation.op === 'add') {
      const [a, b] = at.inputs as [Node, Node];
      // Whichever operand is a step's own result takes the other one in.
      const [host, guest] =
        this.inner(a) && isRoot(a) ? [a, b] : this.inner(b) && isRoot(b) ? [b, a] : [a, b];
      epilogue.residual = this.value(guest);
      if (!(this.inner(host) && isRoot(host))) return { root: host, own: false, epilogue };
      at = host;
    }
    for (;;) {
      const { operation } = at;
      if (operation.op === 'addVector' && !epilogue.vector) {
        epilogue.vector = { vector: this.value(at.inputs[1]!), offset: 0 };
      } else if (operation.op === 'addBias' && !epilogue.bias) epilogue.bias = `${operation.name}.bias`;
      else break;
      const below = at.inputs[0]!;
      if (!this.inner(below)) return { root: below, own: false, epilogue };
      at = below;
    }
    if (at.operation.op === 'conv2d' && at.operation.bias) epilogue.bias = `${at.operation.name}.bias`;
    return { root: at, own: true, epilogue };
  }

  /** Nobody else wants this node's value. */
  private inner(node: Node): boolean {
    return node.uses === 1 && !this.kept.has(node) && !this.made.has(node);
  }

  /**
   * What a step reads, with normalisation, SiLU and joining folded into the reading, unless their values exist
   * anyway. `self`: the node that the step itself makes.
   */
  private read(node: Node, self?: Node): { prologue: Prologue; sources: Value[] } {
    let at = node;
    let silu = false;
    if (at.operation.op === 'silu' && this.foldable(at, self)) {
      silu = true;
      at = at.inputs[0]!;
    }
    const normed = isNormed(at) && this.foldable(at, self);
    const affine = normed ? this.affine(at) : null;
    return { prologue: { affine, silu }, sources: this.sources(normed ? normBase(at) : at, self) };
  }

  private foldable(node: Node, self?: Node): boolean {
    return node === self || !(this.kept.has(node) || this.made.has(node));
  }

  private sources(node: Node, self?: Node): Value[] {
    const joined = node.operation.op === 'concat' && this.foldable(node, self);
    return joined ? node.inputs.map((n) => this.value(n)) : [this.value(node)];
  }

  private affine(node: Node): Value {
    const found = this.affines.get(node);
    if (found) return found;
    const norm = node.operation.op === 'modulate' ? node.inputs[0]! : node;
    const { operation } = norm;
    if (operation.op !== 'groupNorm') throw unexpected(norm);
    const modulate: VectorSlice | null =
      norm === node ? null : { vector: this.value(node.inputs[1]!), offset: 0 };
    const { name, groups, eps } = operation;
    const step: NormStep = {
      kind: 'norm',
      sources: this.sources(norm.inputs[0]!),
      name,
      groups,
      eps,
      modulate,
      out: this.declare(node, 'affine'),
    };
    this.emit(step);
    this.affines.set(node, step.out);
    return step.out;
  }

  /** A vector: silu?(linear(scale?(v)) + residual?). */
  private linear(node: Node): Value {
    let at = node;
    let silu = false;
    let residual: Value | null = null;
    if (at.operation.op === 'silu') {
      silu = true;
      at = at.inputs[0]!;
    }
    if (at.operation.op === 'add') {
      const [a, b] = at.inputs as [Node, Node];
      const [host, guest] = b.operation.op === 'linear' ? [b, a] : [a, b];
      residual = this.value(guest);
      at = host;
    }
    const { operation } = at;
    if (operation.op !== 'linear') throw unexpected(at);
    let input = at.inputs[0]!;
    let inputScale = 1;
    if (input.operation.op === 'scale') {
      inputScale = input.operation.factor;
      input = input.inputs[0]!;
    }
    const plain = at === node && inputScale === 1;
    const matrix = (plain ? operation.siblings : [at]).map(linearPart);
    return this.emit({
      kind: 'linear',
      input: this.value(input),
      inputScale,
      parts: matrix.filter((part) => part.name === operation.name),
      matrix,
      residual,
      silu,
      out: this.declare(node),
    });
  }

  private declare(node: Node, kind?: 'affine'): Value {
    const { height, width, channels } = node.shape;
    const value: Value = {
      id: this.values.length,
      kind: kind ?? (height === 0 ? 'vector' : 'map'),
      height: kind ? 0 : height,
      width: kind ? 0 : width,
      channels,
      attentionHeads: kind ? 0 : node.attentionHeads,
    };
    this.values.push(value);
    return value;
  }

  private emit(step: Step): Value {
    this.steps.push(step);
    return step.out;
  }
}

/** A node with a step of its own, possibly under sums. */
function isRoot(node: Node): boolean {
  const { op } = node.operation;
  if (op === 'addVector' || op === 'addBias') return isRoot(node.inputs[0]!);
  return op === 'conv2d' || op === 'downsample' || op === 'upsample';
}

const isNormed = (node: Node): boolean =>
  node.operation.op === 'groupNorm' ||
  (node.operation.op === 'modulate' && node.inputs[0]!.operation.op === 'groupNorm');

const normBase = (node: Node): Node =>
  node.operation.op === 'modulate' ? node.inputs[0]!.inputs[0]! : node.inputs[0]!;

const unexpected = (node: Node): InnateError =>
  new InnateError('unsupported', 'this network cannot be planned', { found: node.operation.op });

function linearPart({ operation, shape }: Node): LinearPart {
  if (operation.op !== 'linear') throw new Error('not a linear layer');
  return { name: operation.name, bias: operation.bias, features: shape.channels };
}

/**
 * Layers that read the same vector become one matrix product: all the embedding's affines, up to the last that is
 * wanted, run as a single step at the start of the network. `moved`: where their outputs lie.
 */
function joinLinears(
  steps: readonly Step[],
  values: Value[],
): { steps: Step[]; moved: ReadonlyMap<Value, VectorSlice> } {
  const groups = new Map<Value, LinearStep[]>();
  for (const step of steps)
    if (step.kind === 'linear' && step.matrix.length > 1)
      groups.set(step.input, [...(groups.get(step.input) ?? []), step]);

  const moved = new Map<Value, VectorSlice>();
  const joined = new Map<LinearStep, LinearStep | null>();
  for (const group of groups.values()) {
    const { matrix } = group[0]!;
    const place = (step: LinearStep) => matrix.findIndex((part) => part.name === step.parts[0]!.name);
    const parts = matrix.slice(0, Math.max(...group.map(place)) + 1);
    const offset = (part: number) => parts.slice(0, part).reduce((sum, p) => sum + p.features, 0);
    const out: Value = { ...group[0]!.out, id: values.length, channels: offset(parts.length) };
    values.push(out);
    for (const step of group) {
      moved.set(step.out, { vector: out, offset: offset(place(step)) });
      joined.set(step, null);
    }
    joined.set(group[0]!, { ...group[0]!, parts, out });
  }
  const slice = (s: VectorSlice | null): VectorSlice | null => (s && moved.get(s.vector)) ?? s;
  const all = steps.flatMap((step): Step[] => {
    if (step.kind === 'linear')
      return joined.has(step) ? (joined.get(step) ? [joined.get(step)!] : []) : [step];
    if (step.kind === 'norm') return [{ ...step, modulate: slice(step.modulate) }];
    if (step.kind === 'attention') return [step];
    return [{ ...step, epilogue: { ...step.epilogue, vector: slice(step.epilogue.vector) } }];
  });
  return { steps: all, moved };
}
