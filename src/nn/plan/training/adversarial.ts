import { headMaps } from '../../discriminator/forward';
import { headParameters } from '../../discriminator/heads';
import { mixed } from '../../discriminator/mixing';
import type { Node } from '../graph';
import { augmented } from './augment';
import { gradients } from './differentiate';
import { GraphFeatures } from './features';
import { GraphHeads, runningOf } from './heads';
import { discriminatorLoss, generatorLoss, meanLogit, sumOfLogits } from './losses';
import { type Gradients, powerOf, StepRecorder } from './recorder';
import { opsOn, parametersOf } from './scope';
import type { Inputs, IterationSettings, ShapeOf } from './settings';

/** Which images are looked at: the generator's, the discriminator's where they are others, real ones, R1's. */
export type ImageSource = 'fake' | 'other fake' | 'real' | 'r1';

/** Records what the heads say of images, and the losses of a GAN. */
export class AdversarialRecorder extends StepRecorder<IterationSettings> {
  constructor(settings: IterationSettings) {
    const shapes = new Map<string, readonly number[]>();
    const parameters = headParameters(settings.heads);
    for (const { name, shape, kind } of parameters) {
      shapes.set(name, shape);
      if (kind === 'conv') shapes.set(powerOf(name), [shape[0]!]);
      if (kind === 'scale') for (const running of Object.values(runningOf(name))) shapes.set(running, shape);
    }
    super(settings, {
      ...settings.discriminator,
      shape: (name) => shapes.get(name),
      trained: parameters.map(({ name }) => name),
    });
  }

  /** Real images of the step. */
  real(): Node {
    return this.input('real', this.imageShape(this.settings.network.unet.outChannels));
  }

  /** What the heads see of images; what is drawn for them is named after their `use`. */
  look(images: Node, use: ImageSource): Node[] {
    const { features, heads, clipFakes, diffAugment } = this.settings;
    if (clipFakes && (use === 'fake' || use === 'other fake'))
      images = this.ops('G').activate(images, 'hardtanh');
    // R1 is of the images as they are.
    const input: Inputs = (name, shape) => this.input(`${use} ${name}`, shape);
    const x = diffAugment && use !== 'r1' ? augmented(this.ops('G'), images, input) : images;
    const labels = this.labels(this.settings.network.unet.labelDim);
    const blockEnds = () => this.checkpoints.end();
    return features.flatMap(({ network, mixing, sizes, maps }, i) => {
      const on = (prefix: string, shape: ShapeOf, ends?: () => void) =>
        opsOn(this.graph, parametersOf(this.graph, `${prefix}.${i}.`, shape), ends);
      this.checkpoints.begin();
      const seen = maps({ ops: on('features', network, blockEnds), x, labels, input });
      return mixed(new GraphFeatures(on('mixing', mixing)), heads.style, seen, sizes);
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
   * differentiated as anything else. What v depends on through kinks alone has a gradient of zeros, as in PyTorch.
   */
  penaltyGradients(weight: number): Gradients {
    const { loss } = this.settings;
    const { graph } = this;
    const ops = this.ops('D');
    const x = this.real();
    const logits = sumOfLogits(ops, this.logits(this.look(x, 'r1')));
    const v = gradients(graph, logits, [x]).get(x)!;
    this.reports.set('r1', ops.scale(ops.total(ops.pixelDot(v, v)), 1 / loss.batch));
    const { parameters, names } = this.sides.D;
    const nodes = names.map((name) => parameters.node(name));
    const found = gradients(graph, v, nodes, ops.scale(v, weight / loss.batch));
    return new Map(names.map((name, i) => [name, found.get(nodes[i]!) ?? ops.scale(nodes[i]!, 0)]));
  }

  /** One forward pass of the heads as they are now. */
  private logits(maps: readonly Node[]): Node[] {
    const { heads, loss } = this.settings;
    const ops = new GraphHeads(this.graph, this.sides.D.parameters, loss.batch);
    return headMaps(ops, heads, maps, this.labels(heads.classes));
  }
}
