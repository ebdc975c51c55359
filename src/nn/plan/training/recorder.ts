import { headMaps } from '../../discriminator/forward';
import { headParameters } from '../../discriminator/heads';
import { mixed } from '../../discriminator/mixing';
import { Graph, type GraphOps, type Node, type Shape, vectorShape, wholeShape } from '../graph';
import { augmented } from './augment';
import { gradients } from './differentiate';
import { Unplanned } from './executor';
import { GraphFeatures } from './features';
import { recordDenoiser } from './generator';
import { GraphHeads } from './heads';
import { discriminatorLoss, generatorLoss, meanLogit, sumOfLogits } from './losses';
import { opsOn, type Parameters, parametersOf } from './scope';
import type { Iteration, IterationSettings, ShapeOf } from './settings';

/** One of the two networks in training: generator, discriminator. */
export type Side = 'G' | 'D';

/** Which images are looked at: the generator's, the discriminator's where they are others, real ones, R1's. */
export const SIGHTS = ['fake', 'other fake', 'real', 'r1'] as const;
export type Sight = (typeof SIGHTS)[number];

/** What the names of their parameters begin with among the leaves. */
const PREFIXES: Record<Side, string> = { G: 'generator.', D: 'heads.' };

/** Gradients by the name of their parameter. */
type Gradients = ReadonlyMap<string, Node>;

/** Records what steps are made of: images, what the heads say of them, losses, gradients, updates. */
export class StepRecorder {
  private readonly graph = new Graph();
  private readonly sides: Record<Side, { parameters: Parameters; names: readonly string[] }>;
  private readonly inputs = new Map<string, Node>();
  private readonly reports = new Map<string, Node>();
  private readonly updates: Node[] = [];
  private readonly carried = new Map<string, Node>();
  private readonly sums = new Map<string, string>();

  constructor(private readonly settings: IterationSettings) {
    const { generator, heads } = settings;
    const shapes = new Map<string, readonly number[]>();
    for (const { name, shape, kind } of headParameters(heads)) {
      shapes.set(name, shape);
      if (kind === 'conv') shapes.set(powerOf(name), [shape[0]!]);
    }
    this.sides = {
      G: { parameters: parametersOf(this.graph, PREFIXES.G, generator.shape), names: generator.trained },
      D: {
        parameters: parametersOf(this.graph, PREFIXES.D, (name) => shapes.get(name)),
        names: headParameters(heads).map(({ name }) => name),
      },
    };
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
    return recordDenoiser(ops, network, x, sigma, {
      noise: this.input(embedding, vectorShape(modelChannels * channelMultNoise)),
      labels: this.labels(labelDim),
    });
  }

  /** Real images of the step. */
  real(): Node {
    return this.input('real', this.imageShape(this.settings.network.unet.outChannels));
  }

  /** What the heads see of images; what is drawn for them is named after their `use`. */
  look(images: Node, use: Sight): Node[] {
    const { features, heads, clipFakes, diffAugment } = this.settings;
    if (clipFakes && (use === 'fake' || use === 'other fake'))
      images = this.ops('G').activate(images, 'hardtanh');
    // R1 is of the images as they are.
    if (diffAugment && use !== 'r1')
      images = augmented(this.ops('G'), images, (name, shape) => this.input(`${use} ${name}`, shape));
    return features.flatMap(({ network, mixing, sizes, maps }, i) => {
      const on = (prefix: string, shape: ShapeOf) =>
        new GraphFeatures(opsOn(this.graph, parametersOf(this.graph, `${prefix}.${i}.`, shape)));
      return mixed(on('mixing', mixing), heads.style, maps(on('features', network), images), sizes);
    });
  }

  /** Gradients of the generator's loss on these maps of its images. */
  generatorGradients(fakes: readonly Node[]): Gradients {
    return this.gradientsOf('G', generatorLoss(this.ops('G'), this.logits(fakes), this.settings.loss));
  }

  discriminatorGradients(fakes: readonly Node[]): Gradients {
    const { loss } = this.settings;
    const ops = this.ops('D');
    const real = this.look(this.real(), 'real');
    const [onFake, onReal] = [this.logits(fakes), this.logits(real)];
    this.reports.set('logitsFake', meanLogit(ops, onFake, loss.batch));
    this.reports.set('logitsReal', meanLogit(ops, onReal, loss.batch));
    return this.gradientsOf('D', discriminatorLoss(ops, onFake, onReal, loss));
  }

  /**
   * Gradients of R1 = weight / 2 times the mean over images of |v|^2, v = d(sum of logits)/dx on real images x: v is recorded, and
   * differentiated as anything else. What v depends on through kinks alone has a gradient of zeros, as in PyTorch. Throws
   * `Unplanned` for heads with batch norm, whose gradient has no rule.
   */
  penaltyGradients(weight: number): Gradients {
    const { heads, loss } = this.settings;
    if (heads.style === 'paper') throw new Unplanned('R1 through batch norm');
    const { graph } = this;
    const ops = this.ops('D');
    const x = this.real();
    const logits = sumOfLogits(ops, this.logits(this.look(x, 'r1')));
    const v = gradients(graph, logits, [x]).get(x)!;
    const squares = graph.node({ op: 'pixelDot' }, [v, v], vectorShape(v.shape.channels));
    this.reports.set('r1', ops.scale(ops.total(squares), 1 / loss.batch));
    const { parameters, names } = this.sides.D;
    const nodes = names.map((name) => parameters.node(name));
    const found = gradients(graph, v, nodes, ops.scale(v, weight / loss.batch));
    return new Map(names.map((name, i) => [name, found.get(nodes[i]!) ?? ops.scale(nodes[i]!, 0)]));
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
    const { graph, settings } = this;
    const { beta2, eps } = side === 'G' ? settings.generator : settings.discriminator;
    const { parameters } = this.sides[side];
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

  /** The power vectors of the last pass become the state. */
  carryPowers(): void {
    for (const name of this.powers()) this.carried.set(`heads.${name}`, this.sides.D.parameters.node(name));
  }

  finish(): Iteration {
    const { graph, reports, updates, carried, sums, sides } = this;
    const moving = new Set(
      (['G', 'D'] as const).flatMap((side) => sides[side].names.map((name) => PREFIXES[side] + name)),
    );
    return { graph, reports, updates, carried, moving, sums };
  }

  /** One forward pass of the heads as they are now. */
  private logits(maps: readonly Node[]): Node[] {
    const { heads } = this.settings;
    const ops = new GraphHeads(this.graph, this.sides.D.parameters);
    return headMaps(ops, heads, maps, this.labels(heads.classes));
  }

  private gradientsOf(side: Side, loss: Node): Gradients {
    const { parameters, names } = this.sides[side];
    this.reports.set(`loss${side}`, loss);
    const nodes = names.map((name) => parameters.node(name));
    const found = gradients(this.graph, loss, nodes);
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

  private blend(average: Node, value: Node, share: Node): void {
    this.updates.push(this.graph.node({ op: 'blend' }, [average, value, share], average.shape));
  }

  private powers(): string[] {
    return this.sides.D.names.filter((name) => name.endsWith('weight_orig')).map(powerOf);
  }

  private ops(side: Side): GraphOps {
    return opsOn(this.graph, this.sides[side].parameters);
  }

  private labels(classes: number): Node | null {
    return classes ? this.input('labels', vectorShape(classes)) : null;
  }

  private imageShape(channels: number): Shape {
    const { imgResolution: size } = this.settings.network.unet;
    return { height: size, width: size, channels };
  }

  /** The same node for the same name. */
  private input(name: string, shape: Shape): Node {
    let node = this.inputs.get(name);
    if (!node) {
      node = this.graph.node({ op: 'input', name }, [], shape);
      this.inputs.set(name, node);
    }
    return node;
  }
}

const powerOf = (weight: string): string => weight.replace('weight_orig', 'weight_u');
