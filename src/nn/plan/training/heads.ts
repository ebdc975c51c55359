import type { HeadOps } from '../../ops';
import { type Graph, type Node, wholeShape } from '../graph';
import { type Parameters, StepOps } from './scope';
import { spectrallyNormalised } from './spectral';

const BATCH_NORM_EPS = 1e-5;

/** Share of a batch's statistics in the running ones. */
const MOMENTUM = 0.1;

/** The running statistics of the batch norm that has this scale. */
export const runningOf = (scale: string) => {
  const of = scale.replace(/weight$/, '');
  return { mean: `${of}running_mean`, variance: `${of}running_var` };
};

/**
 * Records one forward pass of a discriminator's heads. `heads` holds `NAME.weight_orig` and the power vector
 * `NAME.weight_u` of every convolution, and the running statistics of every batch norm; the pass takes one power
 * iteration of each, and leaves the vectors and the statistics there.
 */
export class GraphHeads implements HeadOps<Node> {
  private readonly ops: StepOps;
  private readonly normalised = new Map<string, Node>();

  constructor(
    private readonly graph: Graph,
    private readonly heads: Parameters,
    private readonly images: number,
  ) {
    this.ops = new StepOps(() => undefined, { graph, derived: (name) => this.parameter(name) });
  }

  stridedConv(x: Node, name: string): Node {
    return this.ops.convolution(x, name, { stride: 2, pad: 1, padEnd: 1, bias: true });
  }

  lastConv(x: Node, name: string): Node {
    return this.ops.conv2d(x, name, { pad: 0, bias: false });
  }

  batchNorm(x: Node, name: string): Node {
    this.follow(x, `${name}.weight`);
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

  /** Running mean and unbiased variance, as PyTorch keeps them: state that no step reads. */
  private follow(x: Node, scale: string): void {
    const { graph, ops, heads } = this;
    const whole = wholeShape([x.shape.channels]);
    const count = this.images * x.shape.height * x.shape.width;
    const mean = (sums: Node) => ops.scale(graph.node({ op: 'imageSum' }, [sums], whole), 1 / count);
    const centre = mean(ops.pixelSum(x));
    const squared = graph.node({ op: 'timesChannels' }, [centre, centre], whole);
    const variance = ops.add(mean(ops.pixelDot(x, x)), ops.scale(squared, -1));
    const blend = (name: string, value: Node, factor: number) =>
      heads.replace(
        name,
        ops.add(ops.scale(value, MOMENTUM * factor), ops.scale(heads.node(name), 1 - MOMENTUM)),
      );
    const running = runningOf(scale);
    blend(running.mean, centre, 1);
    blend(running.variance, variance, count / Math.max(1, count - 1));
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
