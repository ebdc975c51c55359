import { InnateError } from '../../../lib/errors';
import type { WeightSource } from '../../weights';
import type { ConvStep, Plan, Step, Value, VectorSlice } from '../steps';

/** How a network's weights lie in memory: decided once, from its whole plan, so that all its plans share them. */
export interface WeightLayout {
  /** Convolutions done in Winograd form. */
  winograd: ReadonlySet<string>;
  /** Convolution biases that ride on the embedding's vector, by the linear layer that takes them in. */
  folded: ReadonlyMap<string, string>;
}

/**
 * The layout that the whole plan of a network asks for. `winograd`: whether that form may be chosen at all
 * (`chooseWinograd`).
 */
export function weightLayout(whole: Plan, source: WeightSource, winograd: boolean): WeightLayout {
  const folded = new Map<string, string>();
  for (const { part, bias } of vectorReads(whole)) if (bias) folded.set(part, bias);
  return { winograd: winograd ? chooseWinograd(whole, source) : new Set(), folded };
}

/** Which of the folded biases this plan's linear layers carry: all but those whose layer is read without it. */
export function carriedBiases(plan: Plan, { folded }: WeightLayout): ReadonlyMap<string, string> {
  const carried = new Map(folded);
  const needed = new Set<string>();
  for (const { part, bias } of vectorReads(plan))
    if (bias) needed.add(part);
    else carried.delete(part);
  for (const part of needed) if (!carried.has(part)) throw unplannable(part);
  return carried;
}

/** Everything that a plan adds from a linear layer, and the bias that is to be added with it. */
function vectorReads(plan: Plan): { part: string; bias: string | null }[] {
  const parts = new Map<Value, Map<number, string>>();
  for (const step of plan.steps) {
    if (step.kind !== 'linear') continue;
    let offset = 0;
    const at = new Map<number, string>();
    for (const { name, features } of step.parts) {
      at.set(offset, name);
      offset += features;
    }
    parts.set(step.out, at);
  }
  return plan.steps.flatMap((step) => {
    const read = vectorOf(step);
    if (!read) return [];
    const part = parts.get(read.slice.vector)?.get(read.slice.offset);
    if (part !== undefined) return [{ part, bias: read.bias }];
    if (read.bias) throw unplannable(read.bias);
    return [];
  });
}

function vectorOf(step: Step): { slice: VectorSlice; bias: string | null } | null {
  if (step.kind === 'linear' || step.kind === 'attention') return null;
  if (step.kind === 'norm') return step.modulate && { slice: step.modulate, bias: null };
  const { vector, bias } = step.epilogue;
  return vector && { slice: vector, bias };
}

const unplannable = (where: string): InnateError =>
  new InnateError('unsupported', 'this network cannot be planned', {
    where,
    expected: 'an embedding from a linear layer, which takes in the bias',
  });

/**
 * Which 3x3 convolutions run as Winograd F(2x2, 3x3). Its weights take 16/9 of the memory, so the extra stays
 * below 40 % of all weights, given to the largest maps first: they save the most.
 */
function chooseWinograd(plan: Plan, source: WeightSource): Set<string> {
  const size = (name: string) => (source.shape(name) ?? []).reduce((a, b) => a * b, 1);
  let budget = 0;
  for (const name of source.names()) budget += 0.4 * size(name);
  const chosen = new Set<string>();
  const candidates = plan.steps.filter(
    (s): s is ConvStep =>
      s.kind === 'conv' && s.kernel === 3 && s.out.channels >= 8 && s.sources[0]!.channels >= 8,
  );
  for (const step of candidates.sort((a, b) => b.out.height - a.out.height)) {
    const extra = (size(`${step.name}.weight`) * 7) / 9;
    if (extra > budget) continue;
    budget -= extra;
    chosen.add(step.name);
  }
  return chosen;
}
