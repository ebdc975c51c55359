import type { Graph, Node } from '../graph';
import type { Checkpoints } from './checkpoints';
import { constant, inputGradients, isDifferentiable } from './rules';

/**
 * Reverse mode on a recorded graph: appends the nodes of d`of` / d`wanted` and returns them by the wanted node. Only
 * what lies between the two is followed, so that frozen parameters get no gradient and keep nothing for one. Gradients
 * are recorded as soon as all that adds to them is there: executed in that order, an activation is last read early.
 * Nodes that `of` does not depend on are left out. `seed`, of the shape of `of`, weighs its elements. `checkpoints`: which forward
 * values are made once more before they are read.
 */
export function gradients(
  graph: Graph,
  of: Node,
  wanted: readonly Node[],
  seed = constant(graph, 1),
  checkpoints?: Checkpoints,
): Map<Node, Node> {
  const wayBack = checkpoints?.wayBack();
  const targets = new Set(wanted);
  const involved = dependents(graph, of, targets);
  const adjoints = new Map<Node, Node>([[of, seed]]);
  for (let id = of.id; id >= 0; id--) {
    const node = graph.nodes[id]!;
    const dy = adjoints.get(node);
    if (!dy || !involved.has(node)) continue;
    if (!node.inputs.some((input) => involved.has(input))) continue;
    wayBack?.enter(node);
    const value = (of: Node) => wayBack?.value(of) ?? of;
    const rules = inputGradients(graph, value(node), node.inputs.map(value), dy);
    if (!rules) continue;
    node.inputs.forEach((input, i) => {
      const rule = rules[i];
      if (!rule || !involved.has(input)) return;
      const more = rule();
      const before = adjoints.get(input);
      adjoints.set(input, before ? graph.node({ op: 'add' }, [before, more], input.shape) : more);
    });
  }
  wayBack?.conclude();
  const found = new Map<Node, Node>();
  for (const node of targets) {
    const gradient = adjoints.get(node);
    if (gradient && involved.has(node)) found.set(node, gradient);
  }
  return found;
}

/** Nodes up to `of` through which a target reaches it, the targets themselves too. */
function dependents(graph: Graph, of: Node, targets: ReadonlySet<Node>): Set<Node> {
  const involved = new Set<Node>();
  for (const node of graph.nodes.slice(0, of.id + 1))
    if (targets.has(node) || (isDifferentiable(node) && node.inputs.some((input) => involved.has(input))))
      involved.add(node);
  return involved;
}
