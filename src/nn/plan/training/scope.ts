import { type Graph, GraphOps, type Node } from '../graph';

/** The values of one network's parameters at one place of a step: leaves at first, then what an update made of them. */
export interface Parameters {
  shape(name: string): readonly number[] | undefined;
  /** The node that stands for a parameter now. */
  node(name: string): Node;
  /** From here on, this one does. */
  replace(name: string, node: Node): void;
}

/** Parameters whose leaves are named `prefix` + their own name. */
export function parametersOf(
  graph: Graph,
  prefix: string,
  shape: (name: string) => readonly number[] | undefined,
): Parameters {
  const replaced = new Map<string, Node>();
  return {
    shape,
    node: (name) => replaced.get(name) ?? graph.parameter(prefix + name, shape(name)!),
    replace: (name, node) => void replaced.set(name, node),
  };
}

/** Records on these parameters. */
export const opsOn = (graph: Graph, parameters: Parameters): GraphOps =>
  new GraphOps((name) => parameters.shape(name), {
    graph,
    derived: (name) => (parameters.shape(name) ? parameters.node(name) : undefined),
  });
