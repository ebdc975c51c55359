import type { Node } from '../../graph';
import type { Operation } from '../../operations';
import type { Folding } from '../folding';
import { constantOf } from './expressions';

/** Maps of fewer channels are images and logits, which stay float32: they are few, and losses are taken of them. */
const FEWEST_CHANNELS = 8;

/**
 * What the largest derivative of a loss by a logit or a pixel becomes in halves: from there gradients may grow 2,000 times
 * before they are infinite, and shrink by 2^29 before they are lost (docs/benchmarks.md has their range on the clothes).
 */
const SEED = 2 ** 5;

/** What reads queries, keys, values and gradients of their mixture, which products of attention take as they are. */
const OF_ATTENTION: ReadonlySet<Operation['op']> = new Set([
  'attention',
  'attentionGradient',
  'attentionTangent',
]);

/** Where gradients of maps come from, beside the derivative that a loss begins with. */
const OF_GRADIENTS: ReadonlySet<Operation['op']> = new Set([
  ...(['convTransposed', 'activateGradient', 'siluGradient', 'normSums', 'normGradient'] as const),
  ...(['attentionGradient', 'maxPoolGradient', 'unitGradient'] as const),
  ...(['deviationGradient', 'deviationCurvature'] as const),
]);

/**
 * The maps of a step that are stored as halves in mixed precision, and the power of two that each is multiplied with: nothing
 * for the forward pass, whose values are of the order of 1. Gradients of maps are so much smaller that halves would lose them;
 * their power is that of the step (`powerOfGradients`). It is undone wherever one is read, exactly, so that parameters'
 * gradients know nothing of it. Images, logits, vectors, what attention reads and all that is whole stay float32: parameters, their gradients and
 * moments, statistics, losses. `exact`: nodes that are read as float32 by whoever is no kernel; `twice`: gradients are
 * differentiated again, and those of both orders have no common size: they stay float32 too.
 */
export function mapsInHalves(
  { needed, readers }: Pick<Folding, 'needed' | 'readers'>,
  exact: ReadonlySet<Node>,
  twice: boolean,
): Map<Node, number> {
  const back = wayBack(needed);
  const power = twice ? null : powerOfGradients(needed);
  const found = new Map<Node, number>();
  for (const node of needed) {
    const { shape, inputs } = node;
    if (shape.whole || shape.height === 0 || shape.channels < FEWEST_CHANNELS) continue;
    if (inputs.length === 0 || exact.has(node)) continue;
    if (readers.get(node)?.some(({ operation }) => OF_ATTENTION.has(operation.op))) continue;
    if (!back.has(node)) found.set(node, 0);
    else if (power !== null) found.set(node, power);
  }
  return found;
}

/** By what a step's gradients are multiplied, so that the largest derivative that one begins with is `SEED`; null without one. */
function powerOfGradients(needed: readonly Node[]): number | null {
  // A mean's derivative is a constant times its factors; a constant by itself is part of a loss.
  const seeds = needed.filter(
    ({ operation, inputs }) => operation.op === 'broadcast' && inputs[0]!.operation.op !== 'constant',
  );
  const largest = Math.max(0, ...seeds.map((node) => Math.abs(constantOf(node) ?? 0)));
  return largest > 0 ? Math.floor(Math.log2(SEED / largest)) : null;
}

/** Values of each image that are gradients: what a constant reaches, a loss's derivative, without going through what is whole. */
function wayBack(needed: readonly Node[]): Set<Node> {
  const found = new Set<Node>();
  for (const node of needed) {
    if (node.shape.whole) continue;
    const begins = node.operation.op === 'broadcast' && constantOf(node) !== null;
    if (begins || OF_GRADIENTS.has(node.operation.op) || node.inputs.some((input) => found.has(input)))
      found.add(node);
  }
  return found;
}
