import * as tf from '@tensorflow/tfjs-core';
import { InnateError } from '../lib/errors';
import type { NetworkConfig } from './config';
import { dhariwalEncoder, dhariwalUNet } from './dhariwal-unet';
import { noiseEmbedding } from './embedding';
import { GainedParameters, parameterGains } from './gains';
import type { Ops, Tap } from './ops';
import { type PrecondCoefficients, precondCoefficients } from './precond';
import { songEncoder, songUNet } from './song-unet';
import { TfOps } from './tf/ops';
import { type TensorParameters, TfParameters } from './tf/parameters';
import { TrainedOps } from './tf/trained-ops';
import { checkWeights, type WeightSource } from './weights';

/** The parameters of a denoiser and its Fourier frequencies, which stay on the CPU. */
export interface DenoiserParts {
  parameters: TensorParameters;
  freqs: Float32Array | null;
  /**
   * Which parameters a gradient is taken of: it then reaches no deeper than the lowest of them (tf/trained-ops.ts).
   * Left out, a gradient in `x` and in all parameters can be taken.
   */
  trains?: (name: string) => boolean;
}

export interface DenoiserOptions {
  /** Bytes of parameters to keep on the back-end; the rest is read again at every use. */
  budgetBytes?: number;
}

/** Classes of N images: an index each, a vector each (`rows` [N, labelDim] flat), or null for "no class". */
export type ClassLabels = ArrayLike<number> | { rows: Float32Array } | null;

/** What a sampler needs of a network: D(x, sigma, class), whoever executes it. */
export interface ImageDenoiser {
  readonly config: NetworkConfig;
  /** x and the result [N, C, R, R] flat. */
  denoise(x: Float32Array, sigma: number, classes: ClassLabels): Promise<Float32Array>;
  dispose(): void;
}

/** D(x, sigma, class): a preconditioned U-Net on the current TensorFlow.js back-end, float32. */
export class Denoiser implements ImageDenoiser {
  private readonly executor: TfOps;
  private readonly ops: Ops<tf.Tensor>;

  constructor(
    readonly config: NetworkConfig,
    private readonly parts: DenoiserParts,
  ) {
    this.executor = new TfOps(parts.parameters);
    this.ops = parts.trains ? new TrainedOps(this.executor, parts.trains) : this.executor;
  }

  /** For inference: parameters are read from `source` as they are needed. Throws when they do not fit. */
  static open(config: NetworkConfig, source: WeightSource, { budgetBytes }: DenoiserOptions = {}): Denoiser {
    checkWeights(config.unet, source);
    const parameters = new TfParameters(source, budgetBytes, tf.getBackend() === 'wasm' ? 2 : 1);
    return new Denoiser(config, {
      parameters: new GainedParameters(parameters),
      freqs: fourierFrequencies(config, source),
    });
  }

  /**
   * x [N, R, R, C]; one sigma for all or one each; labels [N, labelDim] one-hot, null = no class.
   * Call inside tf.tidy; differentiable in x and the parameters.
   */
  forward(
    x: tf.Tensor4D,
    sigmas: readonly number[],
    labels: tf.Tensor2D | null,
    tap?: Tap<tf.Tensor>,
  ): tf.Tensor4D {
    const { scaled, conditioning, column } = this.prepare(x, sigmas, labels);
    const net = this.config.unet.modelType === 'SongUNet' ? songUNet : dhariwalUNet;
    const f = net<tf.Tensor>(this.ops, this.config.unet, scaled, conditioning, tap);
    const skip = tf.mul(
      x,
      column((c) => c.cSkip),
    );
    const out = tf.mul(
      f,
      column((c) => c.cOut),
    );
    return tf.add(skip, out) as tf.Tensor4D;
  }

  /** Only the encoder, for what `tap` sees of it. */
  encode(x: tf.Tensor4D, sigmas: readonly number[], labels: tf.Tensor2D | null, tap: Tap<tf.Tensor>): void {
    const { scaled, conditioning } = this.prepare(x, sigmas, labels);
    const encode = this.config.unet.modelType === 'SongUNet' ? songEncoder : dhariwalEncoder;
    encode<tf.Tensor>(this.ops, this.config.unet, scaled, conditioning, tap);
  }

  private prepare(x: tf.Tensor4D, sigmas: readonly number[], labels: tf.Tensor2D | null) {
    const { unet } = this.config;
    const coefficients = sigmas.map((sigma) => precondCoefficients(this.config, Math.fround(sigma)));
    const column = (pick: (c: PrecondCoefficients) => number): tf.Tensor =>
      tf.tensor4d(coefficients.map(pick), [coefficients.length, 1, 1, 1]);
    const embedding = noiseEmbedding(
      unet,
      coefficients.map((c) => c.cNoise),
      this.parts.freqs,
    );
    const noise: tf.Tensor = tf.tensor2d(embedding, [
      coefficients.length,
      embedding.length / coefficients.length,
    ]);
    const oneHot: tf.Tensor | null = unet.labelDim === 0 ? null : (labels ?? tf.zeros([1, unet.labelDim]));
    const scaled: tf.Tensor = tf.mul(
      x,
      column((c) => c.cIn),
    );
    return { scaled, conditioning: { noise, labels: oneHot }, column };
  }

  /**
   * x and the result [N, C, R, R] flat; `tap` sees tensors that live only
   * during the call. Throws a `backend` error when the result is not finite.
   */
  async denoise(
    x: Float32Array,
    sigma: number,
    classes: ClassLabels,
    tap?: Tap<tf.Tensor>,
  ): Promise<Float32Array> {
    const result = this.start(x, sigma, classes, tap);
    try {
      const values = (await result.data()) as Float32Array;
      const [n, height, width, channels] = result.shape;
      return toNCHW(values, n, channels, height * width);
    } finally {
      result.dispose();
    }
  }

  /** `denoise` without reading the result back: [N, R, R, C], for the caller to dispose of. */
  start(x: Float32Array, sigma: number, classes: ClassLabels, tap?: Tap<tf.Tensor>): tf.Tensor4D {
    const { imgResolution: resolution, inChannels, labelDim } = this.config.unet;
    const n = x.length / (resolution ** 2 * inChannels);
    return tf.tidy(() => {
      const values = toNHWC(x, n, inChannels, resolution ** 2);
      const input = tf.tensor4d(values, [n, resolution, resolution, inChannels]);
      const labels = classes && labelDim ? tf.tensor2d(labelRows(classes, labelDim), [n, labelDim]) : null;
      return this.forward(input, [sigma], labels, tap);
    });
  }

  /**
   * Sets by how much, from now on, each block's addition to what it passes on is multiplied, by published block
   * name; blocks that are not named are as trained. Only a denoiser from `open` can: others throw.
   */
  setGains(gains: ReadonlyMap<string, number>): void {
    const { parameters } = this.parts;
    if (!(parameters instanceof GainedParameters)) throw new Error('these parameters have no gains');
    parameters.setGains(parameterGains(this.config.unet, gains));
  }

  dispose(): void {
    this.executor.dispose();
    this.parts.parameters.dispose();
  }
}

/** The stored random frequencies of a network with a Fourier embedding. */
export const fourierFrequencies = (config: NetworkConfig, source: WeightSource): Float32Array | null =>
  config.unet.embeddingType === 'fourier' ? source.read('model.map_noise.freqs') : null;

/** [N] class indices to one-hot rows [N, labelDim]; throws on an index outside. */
export const oneHotRows = (classes: ArrayLike<number>, labelDim: number): tf.Tensor2D =>
  tf.tensor2d(oneHot(classes, labelDim), [classes.length, labelDim]);

/** Class vectors [N, labelDim] of labels; throws on an index outside, and on vectors of another length. */
export function labelRows(classes: Exclude<ClassLabels, null>, labelDim: number): Float32Array {
  if (!('rows' in classes)) return oneHot(classes, labelDim);
  if (classes.rows.length % labelDim === 0) return classes.rows;
  throw new InnateError('mismatch', 'the class vectors do not fit the network', {
    expected: `a multiple of ${labelDim} weights`,
    found: String(classes.rows.length),
  });
}

/** The same as plain values. */
export function oneHot(classes: ArrayLike<number>, labelDim: number): Float32Array {
  const rows = new Float32Array(classes.length * labelDim);
  for (let n = 0; n < classes.length; n++) {
    const k = classes[n]!;
    if (!Number.isInteger(k) || k < 0 || k >= labelDim)
      throw new InnateError('bad-argument', 'no such class', {
        expected: `an index from 0 to ${labelDim - 1}`,
        found: String(k),
      });
    rows[n * labelDim + k] = 1;
  }
  return rows;
}

/** [N, C, pixels] to [N, pixels, C]. */
export function toNHWC(x: Float32Array, n: number, channels: number, pixels: number): Float32Array {
  const out = new Float32Array(x.length);
  for (let b = 0; b < n; b++)
    for (let c = 0; c < channels; c++)
      for (let p = 0, from = (b * channels + c) * pixels; p < pixels; p++)
        out[(b * pixels + p) * channels + c] = x[from + p]!;
  return out;
}

/** [N, pixels, C] to [N, C, pixels]. */
export function toNCHW(x: Float32Array, n: number, channels: number, pixels: number): Float32Array {
  const out = new Float32Array(x.length);
  for (let b = 0; b < n; b++)
    for (let c = 0; c < channels; c++)
      for (let p = 0, to = (b * channels + c) * pixels; p < pixels; p++)
        out[to + p] = x[(b * pixels + p) * channels + c]!;
  return out;
}
