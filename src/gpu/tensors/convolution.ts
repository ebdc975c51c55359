import type * as tf from '@tensorflow/tfjs-core';
import { contraction } from '../kernels/contraction';
import { gridOf, isNarrow, PLAIN } from '../kernels/contraction-call';
import { flipped, sumOfParts } from '../kernels/elementwise';
import { filterGradient } from '../kernels/filter-gradient';
import { unitSize } from '../kernels/kernel';
import { overElements } from './elements';
import { TensorStream } from './stream';

type Shape4 = [number, number, number, number];

/** A stride-1 convolution NHWC by HWIO with `pad` zeros before each line and column. */
interface Convolution {
  x: tf.TensorInfo;
  filter: tf.TensorInfo;
  pad: number;
  out: Shape4;
}

/** Channels of tensors as the adapter's kernels can index them, by zeros at the end where need be. */
const padded = (channels: number): number => {
  const size = unitSize(TensorStream.current.traits.unit);
  return Math.ceil(channels / size) * size;
};

/** out = x * filter: the contraction of the inference plan, on tensors. The result is new. */
export function convolve({ x, filter, pad, out }: Convolution): tf.TensorInfo {
  const stream = TensorStream.current;
  const { tile } = stream.traits;
  const [, inHeight, inWidth, depth] = x.shape as Shape4;
  const [kernelHeight, kernel] = filter.shape as Shape4;
  const [n, outHeight, outWidth, columns] = out;
  const contracted = contraction({
    mode: 'conv',
    tile,
    weights: 'f32',
    sources: 1,
    prologue: null,
    narrow: isNarrow(tile, columns),
  });
  const { unit } = contracted;
  const y = stream.empty(out);
  const rows = n * outHeight * outWidth;
  stream.call({
    kernel: contracted.kernel,
    operands: [x, filter, 'nothing', 'nothing', y],
    uniforms: {
      ...PLAIN,
      vectorOffset: 0,
      vectorStride: 0,
      hasVector: 0,
      hasResidual: 0,
      scaleF: 1,
      rows,
      columns: columns / unit,
      depth: depth / unit,
      depth1: depth / unit,
      taps: kernelHeight * kernel,
      kernel,
      pad,
      outHeight,
      outWidth,
      inHeight,
      inWidth,
      aStride: depth / unit,
      bStride: columns / unit,
      oStride: columns / unit,
    },
    grid: gridOf(contracted, rows, columns),
  });
  return y;
}

/** Whether the kernels here take in a convolution; the others stay TensorFlow.js's. */
export function takes(info: tf.backend_util.Conv2DInfo): boolean {
  const { padInfo } = info;
  return (
    info.strideHeight === 1 &&
    info.strideWidth === 1 &&
    info.dilationHeight === 1 &&
    info.dilationWidth === 1 &&
    info.dataFormat === 'channelsLast' &&
    padInfo.top === padInfo.left &&
    padded(info.inChannels) === info.inChannels &&
    padded(info.outChannels) === info.outChannels
  );
}

export function forward(
  x: tf.TensorInfo,
  filter: tf.TensorInfo,
  info: tf.backend_util.Conv2DInfo,
): tf.TensorInfo {
  return convolve({ x, filter, pad: info.padInfo.top, out: info.outShape as Shape4 });
}

/** dx: the convolution of dy with the filter turned around, its channels exchanged. */
export function inputGradient(
  dy: tf.TensorInfo,
  filter: tf.TensorInfo,
  info: tf.backend_util.Conv2DInfo,
): tf.TensorInfo {
  const stream = TensorStream.current;
  const { filterHeight, filterWidth, inChannels, outChannels } = info;
  const turned = stream.empty([filterHeight, filterWidth, outChannels, inChannels]);
  const total = filterHeight * filterWidth * inChannels * outChannels;
  overElements(
    flipped(),
    [filter, turned],
    { taps: filterHeight * filterWidth, inChannels, outChannels },
    total,
  );
  const pad = filterHeight - 1 - info.padInfo.top;
  const dx = convolve({ x: dy, filter: turned, pad, out: info.inShape as Shape4 });
  stream.release(turned);
  return dx;
}

/** Workgroups that keep an adapter busy, and the most memory that partial sums may take. */
const BUSY = { software: 16, hardware: 512 };
const PARTIAL_BYTES = 2 ** 26;

/** dfilter, in float32; pixels are divided among workgroups and added up afterwards. */
export function filterGradientOf(
  x: tf.TensorInfo,
  dy: tf.TensorInfo,
  info: tf.backend_util.Conv2DInfo,
): tf.TensorInfo {
  const stream = TensorStream.current;
  const { filterHeight, filterWidth, inChannels, outChannels, batchSize, outHeight } = info;
  const { kernel, size, unit } = filterGradient(stream.traits);
  const taps = filterHeight * filterWidth;
  const count = taps * inChannels * outChannels;
  const lines = batchSize * outHeight;
  const [columns, rows] = [Math.ceil(outChannels / size.columns), Math.ceil(inChannels / size.rows)];
  const wanted = Math.ceil((stream.software ? BUSY.software : BUSY.hardware) / (taps * columns * rows));
  const splits = Math.max(1, Math.min(wanted, lines, Math.floor(PARTIAL_BYTES / (4 * count))));
  const shape = [filterHeight, filterWidth, inChannels, outChannels];
  const parts = stream.empty(splits === 1 ? shape : [splits, ...shape]);
  stream.call({
    kernel,
    operands: [x, dy, parts],
    uniforms: {
      inChannels: inChannels / unit,
      outChannels: outChannels / unit,
      kernel: filterWidth,
      taps,
      pad: info.padInfo.top,
      inHeight: info.inHeight,
      inWidth: info.inWidth,
      outHeight,
      outWidth: info.outWidth,
      lines,
      splits,
    },
    grid: [columns, rows, taps * splits],
  });
  if (splits === 1) return parts;
  const sum = stream.empty(shape);
  overElements(sumOfParts(), [parts, sum], { parts: splits }, count);
  stream.release(parts);
  return sum;
}
