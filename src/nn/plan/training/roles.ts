import type { Node } from '../graph';
import { OF_KERNELS_ALONE } from './definitions';
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
  /** Nodes that only a report reads; the host computes them after the run. */
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
  // With a hinge loss of the student a report alone reads logits: their convolution is the run's all the same.
  const kernels = needed.filter((node) => OF_KERNELS_ALONE.has(node.operation.op));
  const run = reaching(graph.nodes, [
    ...updates,
    ...carried.values(),
    ...(results?.values() ?? []),
    ...kernels,
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
