import * as tf from '@tensorflow/tfjs-core';
import type { HeadOps } from '../ops';
import { fusedGroupNorm } from '../tf/group-norm';
import { hasKernel } from '../tf/kernels';
import type { TensorParameters } from '../tf/parameters';
import { padPixels } from '../tf/pixels';
import { type ConvLayer, EMBEDDED_CHANNELS, type HeadSpec, type HeadsConfig, headSpecs } from './heads';
import { type PowerVectors, spectrallyNormalised } from './spectral';

/** Sees the batch statistics of every batch norm: its name, mean [C], unbiased variance [C]. Must keep what it needs. */
export type BatchStatistics = (name: string, mean: tf.Tensor1D, variance: tf.Tensor1D) => void;

/** u and v of every convolution, by its name. */
export type SpectralState = ReadonlyMap<string, PowerVectors>;

/**
 * What every head says of its map, finest first: maps of logits of one channel. `classes` one-hot [N, classes] or null.
 * In train mode: batch norm and deviation see the batch.
 */
export function headMaps<T>(
  ops: HeadOps<T>,
  config: HeadsConfig,
  maps: readonly T[],
  classes: T | null,
): T[] {
  return headSpecs(config).map((head, i): T => {
    let h: T = maps[i]!;
    for (const { name, norm } of head.hidden) {
      h = ops.stridedConv(h, name);
      h = ops.leakyRelu(norm ? ops.batchNorm(h, norm) : h);
    }
    if (config.style === 'small') h = ops.withDeviation(h);
    const out = ops.lastConv(h, head.last.name);
    if (classes === null) return out;
    const embedded = ops.embed(classes, `${head.name}.embed`, { transposed: config.style === 'small' });
    const projected =
      config.style === 'paper'
        ? equalisedLinear(ops, embedded, `${head.name}.embed_proj`, config.embeddingDim)
        : embedded;
    return ops.scale(ops.dotVector(out, projected), 1 / Math.sqrt(EMBEDDED_CHANNELS));
  });
}

/** StyleGAN's equalised layer: weight / sqrt(in) at use, bias, leaky ReLU times sqrt(2). */
const equalisedLinear = <T>(ops: HeadOps<T>, v: T, name: string, inputs: number): T =>
  ops.scale(ops.leakyRelu(ops.linear(ops.scale(v, 1 / Math.sqrt(inputs)), name)), Math.SQRT2);

/**
 * Logits [N, k] of every head on `maps` [N, H, W, C], on TensorFlow.js. Differentiable in the parameters and the maps;
 * call inside tf.tidy.
 */
export function headLogits(
  config: HeadsConfig,
  parameters: TensorParameters,
  spectral: SpectralState,
  maps: readonly tf.Tensor4D[],
  classes: tf.Tensor2D | null,
  onStatistics?: BatchStatistics,
): tf.Tensor2D[] {
  const ops = new TfHeadOps(parameters, spectral, onStatistics);
  return headMaps<tf.Tensor>(ops, config, maps, classes).map(
    (logits) => tf.reshape(logits, [logits.shape[0]!, -1]) as tf.Tensor2D,
  );
}

/** Feature maps of one head up to its last convolution are never needed outside: only the names are public. */
export const convLayers = (config: HeadsConfig): ConvLayer[] =>
  headSpecs(config).flatMap((head: HeadSpec) => [...head.hidden, head.last]);

class TfHeadOps implements HeadOps<tf.Tensor> {
  constructor(
    private readonly parameters: TensorParameters,
    private readonly spectral: SpectralState,
    private readonly onStatistics?: BatchStatistics,
  ) {}

  stridedConv(x: tf.Tensor, name: string): tf.Tensor {
    const y = stridedConv(padPixels(x, 1) as tf.Tensor4D, this.weight(name));
    return tf.add(y, this.parameters.get(`${name}.bias`));
  }

  lastConv(x: tf.Tensor, name: string): tf.Tensor {
    return tf.conv2d(x as tf.Tensor4D, this.weight(name), 1, 'valid');
  }

  batchNorm(x: tf.Tensor, name: string): tf.Tensor {
    return batchNorm(this.parameters, name, x, this.onStatistics);
  }

  leakyRelu(x: tf.Tensor): tf.Tensor {
    return tf.leakyRelu(x, 0.2);
  }

  withDeviation(x: tf.Tensor): tf.Tensor {
    return withDeviation(x as tf.Tensor4D);
  }

  embed(classes: tf.Tensor, name: string, { transposed }: { transposed: boolean }): tf.Tensor {
    return tf.matMul(classes, this.parameters.get(`${name}.weight`), false, transposed);
  }

  linear(v: tf.Tensor, name: string): tf.Tensor {
    const product = tf.matMul(v, this.parameters.get(`${name}.weight`), false, true);
    return tf.add(product, this.parameters.get(`${name}.bias`));
  }

  scale(x: tf.Tensor, factor: number): tf.Tensor {
    return tf.mul(x, factor);
  }

  dotVector(x: tf.Tensor, v: tf.Tensor): tf.Tensor {
    const [n, c] = v.shape as [number, number];
    return tf.sum(tf.mul(x, tf.reshape(v, [n, 1, 1, c])), 3, true);
  }

  private weight(name: string): tf.Tensor4D {
    return spectrallyNormalised(
      this.parameters.get(`${name}.weight_orig`),
      this.spectral.get(name)!,
    ) as tf.Tensor4D;
  }
}

/**
 * A 4x4 convolution of stride 2 as a 2x2 one of stride 1 over blocks of 2x2 pixels: the same products, but its
 * gradients need no zeros between the pixels, which would cost four times as much.
 */
function stridedConv(x: tf.Tensor4D, weight: tf.Tensor4D): tf.Tensor {
  const [n, h, w, c] = x.shape;
  const [kernel, , inC, outC] = weight.shape;
  const [rows, columns] = [h / 2, w / 2];
  const blocks = tf.reshape(tf.transpose(tf.reshape(x, [n * rows, 2, columns, 2 * c]), [0, 2, 1, 3]), [
    n,
    rows,
    columns,
    4 * c,
  ]) as tf.Tensor4D;
  const half = kernel / 2;
  const taps = tf.reshape(tf.transpose(tf.reshape(weight, [half, 2, half, 2 * inC * outC]), [0, 2, 1, 3]), [
    half,
    half,
    4 * inC,
    outC,
  ]) as tf.Tensor4D;
  return tf.conv2d(blocks, taps, 1, 'valid');
}

const EPS = 1e-5;

/** Batch norm with the batch's own mean and (biased) variance: a group norm of one channel a group over all images. */
function batchNorm(
  parameters: TensorParameters,
  name: string,
  x: tf.Tensor,
  onStatistics?: BatchStatistics,
): tf.Tensor {
  const [scale, shift] = [parameters.get(`${name}.weight`), parameters.get(`${name}.bias`)];
  const channels = x.shape.at(-1)!;
  const count = x.size / channels;
  const seen = (mean: tf.Tensor, variance: tf.Tensor) =>
    onStatistics?.(
      name,
      tf.reshape(mean, [channels]) as tf.Tensor1D,
      tf.reshape(tf.mul(variance, count / Math.max(1, count - 1)), [channels]) as tf.Tensor1D,
    );
  if (hasKernel('GroupNorm')) {
    const flat = tf.reshape(x, [1, count, channels]) as tf.Tensor3D;
    return tf.reshape(fusedGroupNorm(flat, scale, shift, { groups: channels, eps: EPS }, seen), x.shape);
  }
  const mean = tf.mean(x, [0, 1, 2], true);
  const centred = tf.sub(x, mean);
  const variance = tf.mean(tf.square(centred), [0, 1, 2], true);
  seen(mean, variance);
  return tf.add(tf.mul(tf.mul(centred, tf.rsqrt(tf.add(variance, EPS))), scale), shift);
}

function withDeviation(x: tf.Tensor4D): tf.Tensor4D {
  const [n, h, w] = x.shape;
  const variance = tf.mean(tf.square(tf.sub(x, tf.mean(x, 0, true))), 0);
  const deviation = tf.mean(tf.sqrt(tf.add(variance, 1e-6)));
  return tf.concat([x, tf.mul(tf.ones([n, h, w, 1]), deviation) as tf.Tensor4D], 3);
}
