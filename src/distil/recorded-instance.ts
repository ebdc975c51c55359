import { karrasLevels } from '../lib/noise-levels';
import type { NetworkConfig } from '../nn/config';
import { Unplanned } from '../nn/plan/training/executor';
import {
  type LevelName,
  recordInstance,
  recordInstancePart,
  recordInstanceUpdate,
} from '../nn/plan/training/instance';
import type { InstanceSettings, Iteration } from '../nn/plan/training/settings';
import { precondCoefficients } from '../nn/precond';
import { heunLevels } from '../nn/samplers';
import type { FeatureNetwork, RecordedFeatures } from './discriminator';
import type { ExecutorParts, StepInputs } from './executor';
import { RandomStream } from './random';
import { type ProgramName, RecordedStudent, type StepGraphInputs } from './recorded-student';
import { teacherSampling } from './teacher-sampling';

/** Imitation and consistency distillation (instance-step.ts) as recorded graphs: the teacher's evaluations are part of them. */
export class RecordedInstance extends RecordedStudent {
  readonly order = ['G'] as const;
  private readonly settings: InstanceSettings;
  private readonly features: RecordedFeatures | null;

  /** `network`: what images are compared by where that is features. Throws `Unplanned` where it cannot be recorded. */
  constructor(parts: ExecutorParts, network: FeatureNetwork | undefined) {
    super(parts);
    const { config } = parts;
    const onFeatures = config.instanceLoss === 'lite0';
    if (onFeatures && !network?.recorded) throw new Unplanned('this feature network');
    const features = (onFeatures && network?.recorded) || null;
    this.features = features;
    this.settings = {
      ...this.student,
      teacher: parts.network,
      path: config.method === 'imitation' ? heunLevels(teacherSampling(parts.network, config)) : null,
      features: features && {
        network: (name) => features.weights.shape(name),
        maps: (ops, x) => features.maps(ops, x),
      },
      batch: config.batch,
    };
  }

  record(program: ProgramName, images: number, recomputed: ReadonlySet<number> = new Set()): Iteration {
    const settings = { ...this.settings, batch: images, recomputed };
    if (program === 'generator') return recordInstance(settings);
    return program === 'part G' ? recordInstancePart(settings) : recordInstanceUpdate(settings);
  }

  override first(name: string): Float32Array | undefined {
    return name.startsWith('features.0.')
      ? this.features!.weights.read(name.slice('features.0.'.length))
      : super.first(name);
  }

  inputs(step: StepInputs): StepGraphInputs {
    const { config } = this.parts;
    const { images, whole } = this.common(step);
    const z = new RandomStream(config.seed, 'generatorNoise', step.iteration).normals(step.real.length);
    const { path } = this.settings;
    const own = path ? this.imitated(z, path) : this.neighbours(step, z);
    for (const [name, values] of own) images.set(name, values);
    if (!path) whole.set('target share', [1 - config.targetDecay]);
    return { images, whole };
  }

  private imitated(z: Float32Array, path: readonly number[]): Map<string, Float32Array> {
    const { config } = this.parts;
    const images = new Map([
      ['z', z],
      ['noise', this.embedding(config.startSigma)],
    ]);
    if (config.nfe === 2) images.set('noise second', this.embedding(config.sigmaMid));
    for (const [i, sigma] of path.slice(0, -1).entries()) images.set(`level ${i}`, this.embedding(sigma));
    return images;
  }

  /** Real images at random levels, and the numbers of a Heun step to the level below. */
  private neighbours({ iteration, real }: StepInputs, z: Float32Array): Map<string, Float32Array> {
    const { network: teacher, config } = this.parts;
    const { network: student, startSigma } = this.settings;
    const { batch, cdSteps, seed } = config;
    const levels = karrasLevels(cdSteps, student.sigmaShift, startSigma); // to where the student is the identity
    const drawn = new RandomStream(seed, 'levels', iteration).integers(batch, cdSteps - 1);
    const from = Array.from(drawn, (i) => levels[i]!);
    const to = Array.from(drawn, (i) => levels[i + 1]!);
    const each = real.length / batch;
    const perImage = (of: (image: number) => number) => {
      const { inChannels } = teacher.unet;
      return Float32Array.from({ length: batch * inChannels }, (_, i) => of(Math.floor(i / inChannels)));
    };
    const images = new Map<string, Float32Array>([
      ['noisy', real.map((x, i) => x + z[i]! * from[Math.floor(i / each)]!)],
      ['ratio', perImage((n) => to[n]! / from[n]!)],
      ['rest', perImage((n) => 1 - to[n]! / from[n]!)],
      ['correction', perImage((n) => (1 - from[n]! / to[n]!) / 2)],
    ]);
    const evaluation = (name: LevelName, network: NetworkConfig, sigmas: readonly number[]) => {
      const found = sigmas.map((sigma) => precondCoefficients(network, Math.fround(sigma)));
      for (const coefficient of ['cSkip', 'cOut', 'cIn'] as const)
        images.set(
          `${name} ${coefficient}`,
          perImage((n) => found[n]![coefficient]),
        );
      images.set(`${name} noise`, this.embeddingOf(sigmas));
    };
    evaluation('teacher', teacher, from);
    evaluation('teacher below', teacher, to);
    evaluation('target', student, to);
    evaluation('student', student, from);
    return images;
  }
}
