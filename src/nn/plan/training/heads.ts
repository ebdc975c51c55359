import type { HeadOps } from '../../ops';
import { type Graph, GraphOps, type Node } from '../graph';
import type { Parameters } from './scope';
import { spectrallyNormalised } from './spectral';

const BATCH_NORM_EPS = 1e-5;

/**
 * Records one forward pass of a discriminator's heads. `heads` holds `NAME.weight_orig` and the power vector
 * `NAME.weight_u` of every convolution; the pass takes one power iteration of each and leaves the vectors there.
 */
export class GraphHeads implements HeadOps<Node> {
  private readonly ops: GraphOps;
  private readonly normalised = new Map<string, Node>();

  constructor(
    private readonly graph: Graph,
    private readonly heads: Parameters,
  ) {
    this.ops = new GraphOps(() => undefined, { graph, derived: (name) => this.parameter(name) });
  }

  stridedConv(x: Node, name: string): Node {
    return this.ops.convolution(x, name, { stride: 2, pad: 1, padEnd: 1, bias: true });
  }

  lastConv(x: Node, name: string): Node {
    return this.ops.conv2d(x, name, { pad: 0, bias: false });
  }

  batchNorm(x: Node, name: string): Node {
    return this.ops.batchNorm(x, name, BATCH_NORM_EPS);
  }

  leakyRelu(x: Node): Node {
    return this.ops.activate(x, 'leakyRelu');
  }

  withDeviation(x: Node): Node {
    return this.ops.concat(x, this.ops.deviation(x));
  }

  embed(classes: Node, name: string, { transposed }: { transposed: boolean }): Node {
    return transposed
      ? this.ops.linear(classes, name, { bias: false })
      : this.ops.linearTransposed(classes, name);
  }

  linear(v: Node, name: string): Node {
    return this.ops.linear(v, name);
  }

  scale(x: Node, factor: number): Node {
    return this.ops.scale(x, factor);
  }

  dotVector(x: Node, v: Node): Node {
    return this.ops.dotVector(x, v);
  }

  private parameter(name: string): Node | undefined {
    const { graph, heads } = this;
    if (heads.shape(name)) return heads.node(name);
    if (!heads.shape(`${name}_orig`)) return undefined;
    let weight = this.normalised.get(name);
    if (!weight) {
      const pass = spectrallyNormalised(graph, heads.node(`${name}_orig`), heads.node(`${name}_u`));
      heads.replace(`${name}_u`, pass.u);
      weight = pass.weight;
      this.normalised.set(name, weight);
    }
    return weight;
  }
}
