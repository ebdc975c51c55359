import { Graph, type GraphOps, type Node, type Shape, vectorShape, wholeShape } from '../graph';
import { Checkpoints } from './checkpoints';
import { gradients } from './differentiate';
import { recordDenoiser } from './generator';
import { runningOf } from './heads';
import { opsOn, type Parameters, parametersOf, type StepOps } from './scope';
import type { GeneratorSettings, Iteration, SideSettings } from './settings';

/** One of the two networks in training: generator, discriminator. */
export type Side = 'G' | 'D';

/** What the names of their parameters begin with among the leaves. */
const PREFIXES: Record<Side, string> = { G: 'generator.', D: 'heads.' };

interface Trained extends Omit<SideSettings, 'shape' | 'trained'> {
  parameters: Parameters;
  names: readonly string[];
}

const NOTHING: SideSettings = { shape: () => undefined, trained: [], beta2: 0, eps: 0 };

/** Gradients by the name of their parameter. */
export type Gradients = ReadonlyMap<string, Node>;

/** Records what every step is made of: the student's images, losses, gradients, updates. */
export class StepRecorder<S extends GeneratorSettings> {
  protected readonly graph = new Graph();
  protected readonly checkpoints: Checkpoints;
  protected readonly sides: Record<Side, Trained>;
  private readonly inputs = new Map<string, Node>();
  protected readonly reports = new Map<string, Node>();
  protected readonly updates: Node[] = [];
  private readonly carried = new Map<string, Node>();
  private readonly sums = new Map<string, string>();

  /** `discriminator`: with its power vectors among the shapes; where a step has none, nothing of it trains. */
  constructor(
    protected readonly settings: S,
    discriminator: SideSettings = NOTHING,
  ) {
    const side = (of: Side, side: SideSettings): Trained => ({
      parameters: parametersOf(this.graph, PREFIXES[of], side.shape),
      names: side.trained,
      beta2: side.beta2,
      eps: side.eps,
    });
    this.sides = { G: side('G', settings.generator), D: side('D', discriminator) };
    this.checkpoints = new Checkpoints(this.graph, settings.recomputed ?? new Set());
  }

  /** The student's images from the noise of that name, by its parameters as they are now (distil/generator.ts). */
  images(noise: string): Node {
    const { network, startSigma, sigmaMid } = this.settings;
    const ops = this.ops('G');
    const x = ops.scale(this.input(noise, this.imageShape(network.unet.inChannels)), startSigma);
    const first = this.denoised(ops, x, startSigma, 'noise');
    if (sigmaMid === null) return first;
    const share = sigmaMid / startSigma;
    const moved = ops.add(ops.scale(first, 1 - share), ops.scale(x, share));
    return this.denoised(ops, moved, sigmaMid, 'noise second');
  }

  private denoised(ops: GraphOps, x: Node, sigma: number, embedding: string): Node {
    const { network } = this.settings;
    const { modelChannels, channelMultNoise, labelDim } = network.unet;
    this.checkpoints.begin();
    const image = recordDenoiser(ops, network, x, sigma, {
      noise: this.input(embedding, vectorShape(modelChannels * channelMultNoise)),
      labels: this.labels(labelDim),
    });
    this.checkpoints.end();
    return image;
  }

  /** Blends the gradients of a part of the batch into those of the parts before it; `part` is its share of both. */
  accumulate(side: Side, found: Gradients): void {
    const share = this.input('part', wholeShape([1]));
    for (const [name, gradient] of found) {
      this.blend(this.sum(side, name), gradient, share);
      this.sums.set(PREFIXES[side] + name, `sum${side}.${name}`);
    }
    for (const name of this.powers()) {
      // The update takes over the power vectors, when all parts have been seen with the same ones.
      this.graph.parameter(`power.${name}`, this.sides.D.parameters.shape(name)!);
      this.carried.set(`power.${name}`, this.sides.D.parameters.node(name));
    }
    this.carry(this.running());
  }

  /** The gradients of all parts. */
  accumulated(side: Side): Gradients {
    const { names, parameters } = this.sides[side];
    for (const name of this.powers())
      this.carried.set(
        `heads.${name}`,
        this.graph.parameter(`power.${name}`, this.sides.D.parameters.shape(name)!),
      );
    for (const name of this.powers()) this.sides.D.parameters.node(name); // what is carried to is there
    return new Map(
      names.filter((name) => parameters.shape(name)).map((name) => [name, this.sum(side, name)]),
    );
  }

  /** A step of Adam, and of the generator's average. */
  update(side: Side, found: Gradients): void {
    const { graph } = this;
    const { parameters, beta2, eps } = this.sides[side];
    const rates = this.input(`rates${side}`, wholeShape([2]));
    let squares: Node | null = null;
    for (const gradient of found.values()) {
      const own = graph.node({ op: 'squares' }, [gradient], wholeShape([1]));
      squares = squares ? graph.node({ op: 'add' }, [squares, own], own.shape) : own;
    }
    if (squares) this.reports.set(`squares${side}`, squares);
    for (const [name, gradient] of found) {
      const node = parameters.node(name);
      const second = graph.parameter(`adam${side}.${name}`, node.shape.whole!);
      const after = graph.node({ op: 'adam', beta2, eps }, [node, gradient, second, rates], node.shape);
      parameters.replace(name, after);
      this.updates.push(after);
    }
    if (side === 'D') return;
    const share = this.input('share', wholeShape([1]));
    for (const name of found.keys()) {
      const { shape } = parameters.node(name);
      this.blend(graph.parameter(`ema.${name}`, shape.whole!), parameters.node(name), share);
    }
  }

  /** The power vectors and the running statistics of the last pass become the state. */
  carryBuffers(): void {
    this.carry([...this.powers(), ...this.running()]);
  }

  private carry(names: readonly string[]): void {
    for (const name of names) this.carried.set(`heads.${name}`, this.sides.D.parameters.node(name));
  }

  finish(): Iteration {
    const { graph, reports, updates, carried, sums, sides, checkpoints } = this;
    const { twins, others } = checkpoints;
    const moving = new Set(
      (['G', 'D'] as const).flatMap((side) => sides[side].names.map((name) => PREFIXES[side] + name)),
    );
    return { graph, reports, updates, carried, moving, sums, twins, recomputable: others };
  }

  protected gradientsOf(side: Side, loss: Node): Gradients {
    const { parameters, names } = this.sides[side];
    this.reports.set(`loss${side}`, loss);
    const nodes = names.map((name) => parameters.node(name));
    const found = gradients(this.graph, loss, nodes, undefined, this.checkpoints);
    return new Map(
      names.flatMap((name, i) => {
        const gradient = found.get(nodes[i]!);
        return gradient ? [[name, gradient] as const] : [];
      }),
    );
  }

  private sum(side: Side, name: string): Node {
    return this.graph.parameter(`sum${side}.${name}`, this.sides[side].parameters.shape(name)!);
  }

  protected blend(average: Node, value: Node, share: Node): void {
    this.updates.push(this.graph.node({ op: 'blend' }, [average, value, share], average.shape));
  }

  private powers(): string[] {
    return this.sides.D.names.filter((name) => name.endsWith('weight_orig')).map(powerOf);
  }

  private running(): string[] {
    const { names, parameters } = this.sides.D;
    return names.flatMap((name) => Object.values(runningOf(name))).filter((name) => parameters.shape(name));
  }

  protected ops(side: Side): StepOps {
    return opsOn(this.graph, this.sides[side].parameters, () => this.checkpoints.end());
  }

  protected labels(classes: number): Node | null {
    return classes ? this.input('labels', vectorShape(classes)) : null;
  }

  protected imageShape(channels: number): Shape {
    const { imgResolution: size } = this.settings.network.unet;
    return { height: size, width: size, channels };
  }

  /** The same node for the same name. */
  protected input(name: string, shape: Shape): Node {
    let node = this.inputs.get(name);
    if (!node) {
      node = this.graph.node({ op: 'input', name }, [], shape);
      this.inputs.set(name, node);
    }
    return node;
  }
}

export const powerOf = (weight: string): string => weight.replace('weight_orig', 'weight_u');
