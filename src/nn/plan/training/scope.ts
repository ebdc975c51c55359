import { type Graph, GraphOps, type Node, type RecordOptions, vectorShape } from '../graph';

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

/** The vocabulary of the networks, and what losses and augmentation need beside. */
export class StepOps extends GraphOps {
  private readonly blockEnds: () => void;

  /** `blockEnds`: told after each module. */
  constructor(
    shape: (name: string) => readonly number[] | undefined,
    { blockEnds = () => {}, ...options }: RecordOptions & { blockEnds?: (() => void) | undefined },
  ) {
    super(shape, options);
    this.blockEnds = blockEnds;
  }

  override scope(module: () => Node): Node {
    const y = super.scope(module);
    this.blockEnds();
    return y;
  }

  /** m of one channel times v: a map of v's channels. */
  outerVector(m: Node, v: Node): Node {
    return this.graph.node({ op: 'outerVector' }, [m, v], { ...m.shape, channels: v.shape.channels });
  }

  /** x v, channel by channel. */
  timesVector(x: Node, v: Node): Node {
    return this.graph.node({ op: 'timesVector' }, [x, v], x.shape);
  }

  /** The sum over pixels: a vector. */
  pixelSum(x: Node): Node {
    return this.graph.node({ op: 'pixelSum' }, [x], vectorShape(x.shape.channels));
  }

  /** The sum over pixels of a b, channel by channel: a vector. */
  pixelDot(a: Node, b: Node): Node {
    return this.graph.node({ op: 'pixelDot' }, [a, b], vectorShape(a.shape.channels));
  }

  /** Every pixel's channels scaled to length 1. */
  unit(x: Node): Node {
    return this.graph.node({ op: 'unit', eps: 1e-10, centred: false }, [x], x.shape);
  }

  /** `place` [shiftY, shiftX, top, bottom, left, right] of each image (operations.ts). */
  shiftAndCut(x: Node, place: Node): Node {
    return this.graph.node({ op: 'shiftAndCut', transposed: false }, [x, place], x.shape);
  }
}

/** Records on these parameters; `blockEnds` is told after each module. */
export const opsOn = (graph: Graph, parameters: Parameters, blockEnds?: () => void): StepOps =>
  new StepOps((name) => parameters.shape(name), {
    graph,
    blockEnds,
    derived: (name) => (parameters.shape(name) ? parameters.node(name) : undefined),
  });
