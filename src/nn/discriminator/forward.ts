import * as tf from '@tensorflow/tfjs-core';
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
 * Logits [N, k] of every head on `maps` [N, H, W, C], in train mode: batch norm uses the batch's own statistics.
 * `classes` one-hot [N, classes] or null. Differentiable in the parameters and the maps; call inside tf.tidy.
 */
export function headLogits(
  config: HeadsConfig,
  parameters: TensorParameters,
  spectral: SpectralState,
  maps: readonly tf.Tensor4D[],
  classes: tf.Tensor2D | null,
  onStatistics?: BatchStatistics,
): tf.Tensor2D[] {
  return headSpecs(config).map((head, i): tf.Tensor2D => {
    let h = maps[i]!;
    for (const layer of head.hidden) h = stridedLayer(parameters, spectral, layer, h, onStatistics);
    if (config.style === 'small') h = withDeviation(h);
    const out = tf.conv2d(h, normalisedWeight(parameters, spectral, head.last), 1, 'valid');
    const n = out.shape[0];
    if (classes === null) return tf.reshape(out, [n, -1]) as tf.Tensor2D;
    const table = parameters.get(`${head.name}.embed.weight`) as tf.Tensor2D;
    const projected =
      config.style === 'paper'
        ? equalisedLinear(parameters, `${head.name}.embed_proj`, tf.matMul<tf.Tensor2D>(classes, table))
        : (tf.matMul(classes, table, false, true) as tf.Tensor2D);
    return projectClass(out, projected);
  });
}

/** Feature maps of one head up to its last convolution are never needed outside: only the names are public. */
export const convLayers = (config: HeadsConfig): ConvLayer[] =>
  headSpecs(config).flatMap((head: HeadSpec) => [...head.hidden, head.last]);

function normalisedWeight(
  parameters: TensorParameters,
  spectral: SpectralState,
  { name }: ConvLayer,
): tf.Tensor4D {
  return spectrallyNormalised(parameters.get(`${name}.weight_orig`), spectral.get(name)!) as tf.Tensor4D;
}

function stridedLayer(
  parameters: TensorParameters,
  spectral: SpectralState,
  layer: ConvLayer,
  x: tf.Tensor4D,
  onStatistics?: BatchStatistics,
): tf.Tensor4D {
  const weight = normalisedWeight(parameters, spectral, layer);
  let h: tf.Tensor = stridedConv(padPixels(x, 1) as tf.Tensor4D, weight);
  h = tf.add(h, parameters.get(`${layer.name}.bias`));
  if (layer.norm) h = batchNorm(parameters, layer.norm, h, onStatistics);
  return tf.leakyRelu(h as tf.Tensor4D, 0.2);
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

/** One more channel: the mean over everything of the standard deviation over the batch (Karras et al. 2018). */
function withDeviation(x: tf.Tensor4D): tf.Tensor4D {
  const [n, h, w] = x.shape;
  const variance = tf.mean(tf.square(tf.sub(x, tf.mean(x, 0, true))), 0);
  const deviation = tf.mean(tf.sqrt(tf.add(variance, 1e-6)));
  return tf.concat([x, tf.mul(tf.ones([n, h, w, 1]), deviation) as tf.Tensor4D], 3);
}

/** StyleGAN's equalised layer: weight / sqrt(in) at use, bias, leaky ReLU times sqrt(2). */
function equalisedLinear(parameters: TensorParameters, name: string, x: tf.Tensor2D): tf.Tensor2D {
  const weight = parameters.get(`${name}.weight`);
  const y = tf.add(
    tf.matMul(x, tf.mul(weight, 1 / Math.sqrt(weight.shape[1]!)), false, true),
    parameters.get(`${name}.bias`),
  );
  return tf.mul(tf.leakyRelu(y, 0.2), Math.SQRT2) as tf.Tensor2D;
}

/** sum_c out_c projected_c / sqrt(64), [N, h, w, 64] to [N, h w]. */
function projectClass(out: tf.Tensor4D, projected: tf.Tensor2D): tf.Tensor2D {
  const [n, h, w, c] = out.shape;
  const weighted = tf.mul(out, tf.reshape(projected, [n, 1, 1, c]));
  return tf.reshape(tf.mul(tf.sum(weighted, 3), 1 / Math.sqrt(EMBEDDED_CHANNELS)), [n, h * w]);
}
