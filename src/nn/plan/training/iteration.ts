import type { NetworkConfig } from '../../config';
import { headMaps } from '../../discriminator/forward';
import { type HeadsConfig, headParameters } from '../../discriminator/heads';
import { mixed } from '../../discriminator/mixing';
import type { FeatureOps } from '../../ops';
import { Graph, type GraphOps, type Node, type Shape, vectorShape, wholeShape } from '../graph';
import { gradients } from './differentiate';
import { GraphFeatures } from './features';
import { recordDenoiser } from './generator';
import { GraphHeads } from './heads';
import { discriminatorLoss, generatorLoss, type LossForm, meanLogit } from './losses';
import { opsOn, type Parameters, parametersOf } from './scope';

type ShapeOf = (name: string) => readonly number[] | undefined;

/** A frozen feature network with the mixing behind it. */
export interface FeatureNetworkGraph {
  network: ShapeOf;
  mixing: ShapeOf;
  /** Height and width of its maps. */
  sizes: readonly number[];
  maps(ops: FeatureOps<Node>, x: Node): Node[];
}

/** A network in training. */
export interface SideSettings {
  shape: ShapeOf;
  trained: readonly string[];
  beta2: number;
  eps: number;
}

export interface IterationSettings {
  network: NetworkConfig;
  startSigma: number;
  /** Noise level of a two-step student's second evaluation; null where it has one. */
  sigmaMid: number | null;
  generator: SideSettings;
  /** Its parameters are those of `heads`. */
  discriminator: Pick<SideSettings, 'beta2' | 'eps'>;
  features: readonly FeatureNetworkGraph[];
  heads: HeadsConfig;
  loss: LossForm;
  /** One set of fakes for both updates, the discriminator's first; else fresh noise for each, the generator's first. */
  shareFakes: boolean;
}

/**
 * What one iteration of the GAN computes and changes. State is the leaves of the graph, by these prefixes: `generator.`,
 * `heads.` (with `NAME.weight_u`), `features.I.` and `mixing.I.` frozen, `adamG.` and `adamD.` second moments, `ema.`.
 * Given at each run: `z` and, with fresh noise, `z discriminator`, unit normals; `noise`, the embedding of c_noise, and
 * `noise second`, that of a second evaluation;
 * `labels`; `real`; `ratesG` and `ratesD`, each [rate, 1 / sqrt(1 - beta2^t)]; `share`, of the new value in the average.
 */
export interface Iteration {
  graph: Graph;
  /** Numbers of the step: `lossG`, `lossD`, `logitsFake`, `logitsReal`, and `squaresG`, `squaresD` of all gradients. */
  reports: ReadonlyMap<string, Node>;
  /** Nodes that write state in place, in order. */
  updates: readonly Node[];
  /** State that takes over a node's value at the end of the step. */
  carried: ReadonlyMap<string, Node>;
  /** Names of the parameters that train, by this step or another: nothing that is made of one outlives a run. */
  moving: ReadonlySet<string>;
}

/** Records one whole iteration: forward, backward, Adam and the average, of both networks, or of one of them alone. */
export function recordIteration(
  settings: IterationSettings,
  kind: 'both' | 'generator' | 'discriminator' = 'both',
): Iteration {
  const step = new StepRecorder(settings);
  if (kind === 'both' && settings.shareFakes) {
    const maps = step.look(step.images('z'));
    step.discriminatorStep(maps);
    step.generatorStep(maps);
    return step.finish();
  }
  if (kind !== 'discriminator') step.generatorStep(step.look(step.images('z')));
  if (kind !== 'generator') step.discriminatorStep(step.look(step.images('z discriminator')));
  return step.finish();
}

class StepRecorder {
  private readonly graph = new Graph();
  private readonly generator: Parameters;
  private readonly heads: Parameters;
  private readonly headNames: readonly string[];
  private readonly inputs = new Map<string, Node>();
  private readonly reports = new Map<string, Node>();
  private readonly updates: Node[] = [];

  constructor(private readonly settings: IterationSettings) {
    const { generator, heads } = settings;
    this.generator = parametersOf(this.graph, 'generator.', generator.shape);
    const shapes = new Map<string, readonly number[]>();
    for (const { name, shape, kind } of headParameters(heads)) {
      shapes.set(name, shape);
      if (kind === 'conv') shapes.set(name.replace('weight_orig', 'weight_u'), [shape[0]!]);
    }
    this.heads = parametersOf(this.graph, 'heads.', (name) => shapes.get(name));
    this.headNames = headParameters(heads).map(({ name }) => name);
  }

  /** The student's images from the noise of that name, by its parameters as they are now (distil/generator.ts). */
  images(noise: string): Node {
    const { network, startSigma, sigmaMid } = this.settings;
    const ops = opsOn(this.graph, this.generator);
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

  /** What the heads see of images. */
  look(images: Node): Node[] {
    const { features, heads } = this.settings;
    return features.flatMap(({ network, mixing, sizes, maps }, i) => {
      const on = (prefix: string, shape: ShapeOf) =>
        new GraphFeatures(opsOn(this.graph, parametersOf(this.graph, `${prefix}.${i}.`, shape)));
      return mixed(on('mixing', mixing), heads.style, maps(on('features', network), images), sizes);
    });
  }

  generatorStep(fakes: readonly Node[]): void {
    const { generator, loss } = this.settings;
    const value = generatorLoss(opsOn(this.graph, this.generator), this.logits(fakes), loss);
    this.update('G', value, this.generator, generator.trained, generator);
    const share = this.input('share', wholeShape([1]));
    for (const name of generator.trained) {
      const { shape } = this.generator.node(name);
      const average = this.graph.parameter(`ema.${name}`, shape.whole!);
      this.updates.push(this.graph.node({ op: 'blend' }, [average, this.generator.node(name), share], shape));
    }
  }

  discriminatorStep(fakes: readonly Node[]): void {
    const { network, discriminator, loss } = this.settings;
    const ops = opsOn(this.graph, this.heads);
    const real = this.look(this.input('real', this.imageShape(network.unet.outChannels)));
    const [onFake, onReal] = [this.logits(fakes), this.logits(real)];
    this.reports.set('logitsFake', meanLogit(ops, onFake, loss.batch));
    this.reports.set('logitsReal', meanLogit(ops, onReal, loss.batch));
    const value = discriminatorLoss(ops, onFake, onReal, loss);
    this.update('D', value, this.heads, this.headNames, discriminator);
  }

  finish(): Iteration {
    const carried = new Map<string, Node>();
    for (const name of this.headNames) {
      if (!name.endsWith('weight_orig')) continue;
      const power = name.replace('weight_orig', 'weight_u');
      carried.set(`heads.${power}`, this.heads.node(power));
    }
    const { trained } = this.settings.generator;
    const moving = new Set([
      ...trained.map((name) => `generator.${name}`),
      ...this.headNames.map((name) => `heads.${name}`),
    ]);
    return { graph: this.graph, reports: this.reports, updates: this.updates, carried, moving };
  }

  /** One forward pass of the heads as they are now. */
  private logits(maps: readonly Node[]): Node[] {
    const { heads } = this.settings;
    return headMaps(new GraphHeads(this.graph, this.heads), heads, maps, this.labels(heads.classes));
  }

  private update(
    side: 'G' | 'D',
    loss: Node,
    parameters: Parameters,
    names: readonly string[],
    { beta2, eps }: Pick<SideSettings, 'beta2' | 'eps'>,
  ): void {
    const { graph } = this;
    const nodes = new Map(names.map((name) => [name, parameters.node(name)]));
    const found = gradients(graph, loss, [...nodes.values()]);
    const rates = this.input(`rates${side}`, wholeShape([2]));
    let squares: Node | null = null;
    for (const gradient of found.values()) {
      const own = graph.node({ op: 'squares' }, [gradient], wholeShape([1]));
      squares = squares ? graph.node({ op: 'add' }, [squares, own], own.shape) : own;
    }
    this.reports.set(`loss${side}`, loss);
    if (squares) this.reports.set(`squares${side}`, squares);
    for (const [name, node] of nodes) {
      const gradient = found.get(node);
      if (!gradient) continue;
      const second = graph.parameter(`adam${side}.${name}`, node.shape.whole!);
      const after = graph.node({ op: 'adam', beta2, eps }, [node, gradient, second, rates], node.shape);
      parameters.replace(name, after);
      this.updates.push(after);
    }
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
