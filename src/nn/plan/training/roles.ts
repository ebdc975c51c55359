import type { Node } from '../graph';
import type { Folding } from './folding';
import type { Iteration } from './settings';

/** State that takes over a node's value at the end of a step: the leaf, and that node. */
export function carriedLeaves({ graph, carried }: Pick<Iteration, 'graph' | 'carried'>): Map<Node, Node> {
  const found = new Map<Node, Node>();
  for (const node of graph.nodes) {
    const { operation: o } = node;
    const source = o.op === 'parameter' ? carried.get(o.name) : undefined;
    if (source) found.set(node, source);
  }
  return found;
}

/** What the nodes of a step are for whoever executes it. */
export interface Roles {
  /** State by name. */
  leaves: ReadonlyMap<string, Node>;
  inputs: ReadonlyMap<string, Node>;
  /** Vectors and numbers that only a report reads; the host computes them after the run. */
  late: readonly Node[];
}

/** `carried`: of `carriedLeaves`. */
export function rolesOf(
  { graph, updates, results }: Pick<Iteration, 'graph' | 'updates' | 'results'>,
  { needed }: Pick<Folding, 'needed'>,
  carried: ReadonlyMap<Node, Node>,
): Roles {
  const leaves = new Map<string, Node>();
  const inputs = new Map<string, Node>();
  for (const node of [...needed, ...carried.keys()]) {
    if (node.operation.op === 'parameter') leaves.set(node.operation.name, node);
    if (node.operation.op === 'input') inputs.set(node.operation.name, node);
  }
  // Maps are the run's, whoever reads them: with a hinge loss of the student that is a report alone, of logits.
  const run = reaching(graph.nodes, [
    ...updates,
    ...carried.values(),
    ...(results?.values() ?? []),
    ...needed.filter(({ shape }) => shape.height > 0),
  ]);
  const late = needed.filter(
    (node) => !run.has(node) && node.operation.op !== 'squares' && node.inputs.length > 0,
  );
  return { leaves, inputs, late };
}

/** Nodes that the given ones are computed from, themselves too. */
function reaching(nodes: readonly Node[], from: readonly Node[]): Set<Node> {
  const found = new Set(from);
  for (const node of [...nodes].reverse())
    if (found.has(node)) for (const input of node.inputs) found.add(input);
  return found;
}
