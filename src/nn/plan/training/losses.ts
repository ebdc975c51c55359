import type { GraphOps, Node } from '../graph';
import { constant } from './rules';
import type { LossForm } from './settings';

/** Non-saturating: softplus(-D(G(z))). Hinge: -D(G(z)). `fake` is a map of logits a head. */
export const generatorLoss = (ops: GraphOps, fake: readonly Node[], form: LossForm): Node =>
  summed(
    ops,
    fake.map((logits) => {
      const negative = ops.scale(logits, -1);
      return form.type === 'ns' ? ops.activate(negative, 'softplus') : negative;
    }),
    form,
  );

/** Non-saturating: softplus(D(G(z))) + softplus(-D(x)). Hinge: relu(1 + D(G(z))) + relu(1 - D(x)). */
export function discriminatorLoss(
  ops: GraphOps,
  fake: readonly Node[],
  real: readonly Node[],
  form: LossForm,
): Node {
  const one = (like: Node) => ops.graph.once({ op: 'broadcast' }, [constant(ops.graph, 1)], like.shape);
  const term = (logits: Node) =>
    form.type === 'ns'
      ? ops.activate(logits, 'softplus')
      : ops.activate(ops.add(logits, one(logits)), 'relu');
  const negative = real.map((logits) => ops.scale(logits, -1));
  return ops.add(summed(ops, fake.map(term), form), summed(ops, negative.map(term), form));
}

/** The mean over the logits of all heads, for the report. */
export function meanLogit(ops: GraphOps, logits: readonly Node[], batch: number): Node {
  const count = logits.reduce((sum, { shape }) => sum + shape.height * shape.width, 0);
  return ops.scale(sumOfLogits(ops, logits), 1 / count / batch);
}

/** The mean of each entry, a head or all of a feature network, added up. */
function summed(ops: GraphOps, terms: readonly Node[], form: LossForm): Node {
  const entries: Node[][] = [];
  let from = 0;
  for (const count of form.networks) {
    const own = terms.slice(from, from + count);
    entries.push(...(form.mean === 'all' ? [own] : own.map((term) => [term])));
    from += count;
  }
  const means = entries.map((entry) => meanLogit(ops, entry, form.batch));
  return ops.scale(
    means.reduce((a, b) => ops.add(a, b)),
    form.images,
  );
}

/** Of all images and heads. */
export const sumOfLogits = (ops: GraphOps, maps: readonly Node[]): Node =>
  maps.map((map) => ops.total(map)).reduce((a, b) => ops.add(a, b));
