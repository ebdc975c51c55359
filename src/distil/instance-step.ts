import * as tf from '@tensorflow/tfjs-core';
import { karrasLevels } from '../lib/noise-levels';
import type { NetworkConfig } from '../nn/config';
import { type Denoiser, toNCHW, toNHWC } from '../nn/denoiser';
import { heun } from '../nn/samplers';
import { applyGradients, type Shape4, type Side } from './adversarial-step';
import { type DistilConfig, partSize } from './config';
import type { OnStage, StepNumbers } from './executor';
import { generate } from './generator';
import type { InstanceLoss } from './instance-loss';
import { accumulate, microBatches } from './micro-batch';
import { RandomStream } from './random';
import { gradientNorm, scalars } from './scalars';
import type { TargetNetwork } from './target-network';
import { teacherSampling } from './teacher-sampling';

interface Players {
  config: DistilConfig;
  /** The student's network (student-network.ts). */
  student: NetworkConfig;
  teacher: Denoiser;
  denoiser: Denoiser;
  generatorSide: Side;
  loss: InstanceLoss;
  /** Of `cd`. */
  target: TargetNetwork | null;
}

/** A batch of what the student sees and what its image of it should be. */
interface Task {
  input: tf.Tensor4D;
  /** The noise level of each image; null where all are at the student's start. */
  sigmas: readonly number[] | null;
  wanted: tf.Tensor4D;
}

/**
 * One iteration of instance-wise distillation: every noise has one image that is right, the baselines of the paper's
 * first claim. `imitation` regresses the teacher's own Heun sample of the same noise. `cd` is consistency distillation
 * (Song et al. 2023, algorithm 2): all noise levels of one path of the teacher have one image.
 */
export class InstanceStep {
  constructor(private readonly players: Players) {}

  /** `real` [N, R, R, C]; `classes` and their one-hot `labels` belong to it. */
  async run(
    iteration: number,
    real: tf.Tensor4D,
    classes: ArrayLike<number> | null,
    labels: tf.Tensor2D | null,
    onStage?: OnStage,
  ): Promise<StepNumbers> {
    const { config, denoiser, generatorSide, loss, target } = this.players;
    const z = new RandomStream(config.seed, 'generatorNoise', iteration).normals(real.size);
    onStage?.('the teacher shows what is right', 0, 2);
    const { input, sigmas, wanted } =
      config.method === 'cd'
        ? this.neighbours(iteration, real, z, labels)
        : await this.samples(real.shape, z, classes);
    onStage?.('the student learns', 1, 2);
    const parts = microBatches(input, labels, partSize(config));
    const size = parts[0]!.real.shape[0];
    const of = (index: number) => {
      const count = parts[index]!.real.shape[0];
      return {
        levels: sigmas?.slice(index * size, index * size + count),
        images: tf.slice4d(wanted, [index * size, 0, 0, 0], [count, -1, -1, -1]),
      };
    };
    const { value, grads } = accumulate(
      parts,
      [...generatorSide.variables.values()],
      (_, index) => loss.wanted(of(index).images),
      ({ real: x, labels: own }, goal, index) => {
        const { levels } = of(index);
        const made = levels ? denoiser.forward(x, levels, own) : generate(denoiser, x, own, config);
        return loss.distance(made, goal);
      },
    );
    const norm = gradientNorm(grads);
    applyGradients(generatorSide, grads);
    target?.update(generatorSide.variables);
    if (parts.length > 1) tf.dispose(parts.map((p) => [p.real, p.labels ?? []]));
    tf.dispose([input, wanted]);
    const [lossG, gradientNormG] = await scalars([value, norm]);
    return {
      lossG: lossG!,
      gradientNormG: gradientNormG!,
      lossD: null,
      gradientNormD: null,
      r1: null,
      logitsReal: null,
      logitsFake: null,
    };
  }

  /** The student's start, and the teacher's Heun samples of the same noise; no real image plays a part. */
  private async samples(shape: Shape4, z: Float32Array, classes: ArrayLike<number> | null): Promise<Task> {
    const { config, teacher } = this.players;
    const [batch, height, width, channels] = shape;
    const pixels = height * width;
    const latents = toNCHW(z, batch, channels, pixels);
    const part = partSize(config);
    const size = channels * pixels;
    const made = new Float32Array(z.length);
    for (let from = 0; from < batch; from += part) {
      const to = Math.min(batch, from + part);
      const ofPart = classes && Array.from(classes).slice(from, to);
      const images = await heun(
        (x, level) => teacher.denoise(x, level, ofPart),
        latents.subarray(from * size, to * size),
        teacherSampling(teacher.config, config),
      );
      made.set(images, from * size);
    }
    return {
      input: tf.tidy(() => tf.mul(tf.tensor4d(z, shape), config.startSigma)),
      sigmas: null,
      wanted: tf.tensor4d(toNHWC(made, batch, channels, pixels), shape),
    };
  }

  /**
   * Real images at random levels of EDM's schedule, and what the target network makes of them one level lower, to where
   * one Heun step of the teacher leads.
   */
  private neighbours(
    iteration: number,
    real: tf.Tensor4D,
    z: Float32Array,
    labels: tf.Tensor2D | null,
  ): Task {
    const { config, student, target } = this.players;
    const levels = karrasLevels(config.cdSteps, student.sigmaShift, config.startSigma); // to where it is the identity
    const drawn = new RandomStream(config.seed, 'levels', iteration).integers(
      real.shape[0],
      config.cdSteps - 1,
    );
    const [from, to] = [0, 1].map((next) => Array.from(drawn, (i) => levels[i + next]!)) as [
      number[],
      number[],
    ];
    const input = tf.tidy(
      () => tf.add(real, tf.mul(tf.tensor4d(z, real.shape), column(from))) as tf.Tensor4D,
    );
    const size = partSize(config);
    const wanted = tf.tidy(() => {
      const made: tf.Tensor4D[] = [];
      for (let at = 0; at < real.shape[0]; at += size) {
        const [t, u] = [from.slice(at, at + size), to.slice(at, at + size)];
        const own = labels && tf.slice2d(labels, [at, 0], [t.length, -1]);
        const x = tf.slice4d(input, [at, 0, 0, 0], [t.length, -1, -1, -1]);
        made.push(tf.tidy(() => target!.denoiser.forward(this.heunStep(x, t, u, own), u, own)));
      }
      return tf.concat(made, 0);
    });
    return { input, sigmas: from, wanted };
  }

  /** One step of Heun's method along the teacher's path, from level t to u of each image; u is not 0. */
  private heunStep(
    x: tf.Tensor4D,
    t: readonly number[],
    u: readonly number[],
    labels: tf.Tensor2D | null,
  ): tf.Tensor4D {
    const { teacher } = this.players;
    const slope = (at: tf.Tensor4D, sigmas: readonly number[]): tf.Tensor4D =>
      tf.div(tf.sub(at, teacher.forward(at, sigmas, labels)), column(sigmas));
    const step = column(u.map((v, i) => v - t[i]!));
    const first = slope(x, t);
    const second = slope(tf.add(x, tf.mul(step, first)), u);
    return tf.add(x, tf.mul(step, tf.mul(tf.add(first, second), 0.5)));
  }
}

const column = (values: readonly number[]): tf.Tensor4D => tf.tensor4d([...values], [values.length, 1, 1, 1]);
