import { type Node, vectorShape, wholeShape } from '../graph';
import { GraphFeatures } from './features';
import { type Levels, recordDenoiser, recordDenoiserAt } from './generator';
import { type Gradients, StepRecorder } from './recorder';
import { opsOn, parametersOf, type StepOps } from './scope';
import type { InstanceSettings, Iteration } from './settings';

/**
 * Records steps that follow the teacher image by image (distil/instance-step.ts says which two). Frozen: `teacher.`. Given at each
 * run: for imitation `z` and the embeddings of the teacher's levels, `level 0`, `level 1`, ...; for consistency distillation
 * the `noisy` images, of each image `LEVELS` and the numbers of the Heun step, and `target share`, of the student in its target.
 */
class InstanceRecorder extends StepRecorder<InstanceSettings> {
  /** Of the distance between the student's images and those that it is told. */
  gradients(): Gradients {
    const { path } = this.settings;
    const { made, wanted } = path ? this.samples(path) : this.neighbours();
    return this.gradientsOf('G', this.distance(made, wanted));
  }

  /** The target follows the student that a step has left. */
  updateTarget(): void {
    if (this.settings.path) return;
    const share = this.input('target share', wholeShape([1]));
    const { names, parameters } = this.sides.G;
    for (const name of names) this.blend(this.target(name), parameters.node(name), share);
  }

  override finish(): Iteration {
    const step = super.finish();
    if (this.settings.path) return step;
    return { ...step, moving: new Set([...step.moving, ...this.sides.G.names.map(targetName)]) };
  }

  /** Imitation: the student's images, and the teacher's Heun samples of the same noise. */
  private samples(path: readonly number[]) {
    const { teacher } = this.settings;
    const ops = this.teacherOps();
    const { modelChannels, channelMultNoise, labelDim } = teacher.unet;
    const labels = this.labels(labelDim);
    const denoised = (x: Node, i: number) =>
      recordDenoiser(ops, teacher, x, path[i]!, {
        noise: this.input(`level ${i}`, vectorShape(modelChannels * channelMultNoise)),
        labels,
      });
    let x = ops.scale(this.input('z', this.imageShape(teacher.unet.inChannels)), path[0]!);
    for (const [i, sigma] of path.slice(0, -1).entries()) {
      const ratio = path[i + 1]! / sigma;
      const first = denoised(x, i);
      const euler = ratio === 0 ? first : ops.add(ops.scale(first, 1 - ratio), ops.scale(x, ratio));
      x = euler;
      if (ratio === 0) continue;
      const change = ops.add(first, ops.scale(denoised(euler, i + 1), -1));
      x = ops.add(euler, ops.scale(change, (1 - 1 / ratio) / 2));
    }
    return { made: this.images('z'), wanted: x };
  }

  /** Consistency distillation: what the student makes of noisy images, and the target of them one level lower. */
  private neighbours() {
    const { network, teacher } = this.settings;
    const labels = this.labels(teacher.unet.labelDim);
    const ops = this.teacherOps();
    const x = this.input('noisy', this.imageShape(teacher.unet.inChannels));
    const number = (name: string) => this.input(name, vectorShape(teacher.unet.inChannels));
    const first = recordDenoiserAt(ops, teacher, x, this.levels('teacher'), labels);
    const euler = ops.add(ops.timesVector(first, number('rest')), ops.timesVector(x, number('ratio')));
    const second = recordDenoiserAt(ops, teacher, euler, this.levels('teacher below'), labels);
    const change = ops.add(first, ops.scale(second, -1));
    const below = ops.add(euler, ops.timesVector(change, number('correction')));
    const wanted = recordDenoiserAt(this.targetOps(), network, below, this.levels('target'), labels);
    this.checkpoints.begin();
    const made = recordDenoiserAt(this.ops('G'), network, x, this.levels('student'), labels);
    this.checkpoints.end();
    return { made, wanted };
  }

  /** A mean over images and pixels of squared differences: of values, or of the directions of features (instance-loss.ts). */
  private distance(made: Node, wanted: Node): Node {
    const { features, batch } = this.settings;
    const ops = this.ops('G');
    const squares = (a: Node, b: Node, count: number) => {
      const difference = ops.add(a, ops.scale(b, -1));
      return ops.scale(ops.total(ops.pixelDot(difference, difference)), 1 / count / batch);
    };
    const pixels = ({ shape }: Node) => shape.height * shape.width;
    if (!features) return squares(made, wanted, pixels(made) * made.shape.channels);
    const frozen = new GraphFeatures(
      opsOn(this.graph, parametersOf(this.graph, 'features.0.', features.network), () =>
        this.checkpoints.end(),
      ),
    );
    const [goals, seen] = [wanted, made].map((images) => {
      this.checkpoints.begin();
      return features.maps(frozen, images).map((map) => ops.unit(map));
    }) as [Node[], Node[]];
    return seen
      .map((map, i) => squares(map, goals[i]!, pixels(map)))
      .reduce((sum, term) => ops.add(sum, term));
  }

  private levels(whose: LevelName): Levels {
    const { inChannels, modelChannels, channelMultNoise } = this.settings.network.unet;
    const coefficient = (name: string) => this.input(`${whose} ${name}`, vectorShape(inChannels));
    return {
      cSkip: coefficient('cSkip'),
      cOut: coefficient('cOut'),
      cIn: coefficient('cIn'),
      noise: this.input(`${whose} noise`, vectorShape(modelChannels * channelMultNoise)),
    };
  }

  private teacherOps(): StepOps {
    return opsOn(this.graph, parametersOf(this.graph, 'teacher.', this.settings.generator.shape));
  }

  /** What the student keeps frozen is shared. */
  private targetOps(): StepOps {
    const { names, parameters } = this.sides.G;
    const trained = new Set(names);
    return opsOn(this.graph, {
      ...parameters,
      node: (name) => (trained.has(name) ? this.target(name) : parameters.node(name)),
    });
  }

  private target(name: string): Node {
    return this.graph.parameter(targetName(name), this.sides.G.parameters.shape(name)!);
  }
}

/** Evaluations of consistency distillation that have a noise level of each image. */
export type LevelName = 'teacher' | 'teacher below' | 'target' | 'student';

const targetName = (name: string): string => `target.${name}`;

/** Records one whole iteration. */
export function recordInstance(settings: InstanceSettings): Iteration {
  const step = new InstanceRecorder(settings);
  step.update('G', step.gradients());
  step.updateTarget();
  return step.finish();
}

/** Records the gradients of a part of the batch, blended into those of the parts before it. `batch` is the part's. */
export function recordInstancePart(settings: InstanceSettings): Iteration {
  const step = new InstanceRecorder(settings);
  step.accumulate('G', step.gradients());
  return step.finish();
}

/** Records the update from the gradients of all parts. */
export function recordInstanceUpdate(settings: InstanceSettings): Iteration {
  const step = new InstanceRecorder(settings);
  step.update('G', step.accumulated('G'));
  step.updateTarget();
  return step.finish();
}
