import type { Graph, Node } from '../../src/nn/plan/graph';
import { KernelDefinitions } from './definitions';

/** Executes a graph by the definitions of its operations. */
export class ReferenceGraph {
  private readonly values = new Map<Node, Float64Array>();
  private readonly definitions: KernelDefinitions;

  constructor(
    batch: number,
    private readonly inputs: ReadonlyMap<string, ArrayLike<number>>,
    /** Updates write here. */
    readonly state: Map<string, Float64Array>,
  ) {
    this.definitions = new KernelDefinitions(batch);
  }

  /** Computes the nodes, and what they need, in the order of their recording. */
  run(graph: Graph, wanted: readonly Node[]): ReadonlyMap<Node, Float64Array> {
    const needed = new Set<Node>(wanted);
    for (const node of [...graph.nodes].reverse())
      if (needed.has(node)) for (const input of node.inputs) needed.add(input);
    for (const node of graph.nodes) if (needed.has(node)) this.values.set(node, this.compute(node));
    return this.values;
  }

  private compute(node: Node): Float64Array {
    const { operation: o, inputs } = node;
    const at = inputs.map((input) => this.values.get(input)!);
    const [a, b, c] = at as [Float64Array, Float64Array, Float64Array];
    switch (o.op) {
      case 'input':
        return this.checked(Float64Array.from(this.inputs.get(o.name)!), node);
      case 'parameter':
        return this.checked(this.state.get(o.name)!.slice(), node);
      case 'adam': {
        const g = b.map(sanitised);
        const second = c.map((v, i) => o.beta2 * v + (1 - o.beta2) * g[i]! ** 2);
        const [rate, correction] = at[3]!;
        const after = a.map((w, i) => w - (rate! * g[i]!) / (Math.sqrt(second[i]!) * correction! + o.eps));
        this.write(inputs[2]!, second);
        return this.write(inputs[0]!, after);
      }
      case 'blend':
        return this.write(
          inputs[0]!,
          a.map((v, i) => v + c[0]! * (b[i]! - v)),
        );
      default:
        return this.definitions.value(node, at);
    }
  }

  private checked(values: Float64Array, { operation, shape }: Node): Float64Array {
    const size = this.definitions.size(shape);
    if (values.length === size) return values;
    throw new Error(`${JSON.stringify(operation)} has ${values.length} values, not ${size}`);
  }

  private write({ operation }: Node, values: Float64Array): Float64Array {
    if (operation.op !== 'parameter') throw new Error('an update of what is no state');
    this.state.set(operation.name, values);
    return values;
  }
}

/** NaN to 0, infinities to +-1e5. */
const sanitised = (g: number): number => (Number.isNaN(g) ? 0 : Number.isFinite(g) ? g : Math.sign(g) * 1e5);
