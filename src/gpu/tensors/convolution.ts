import type * as tf from '@tensorflow/tfjs-core';
import { contraction } from '../kernels/contraction';
import { gridOf, isNarrow, PLAIN } from '../kernels/contraction-call';
import { flipped, recount, sumOfParts } from '../kernels/elementwise';
import { filterGradient, filterSplits } from '../kernels/filter-gradient';
import { unitSize } from '../kernels/kernel';
import { inFloat32 } from '../traits';
import { overElements, sizeOf } from './elements';
import { TensorStream } from './stream';

type Shape4 = [number, number, number, number];

/** A stride-1 convolution NHWC by HWIO with `pad` zeros before each line and column. */
interface Convolution {
  x: tf.TensorInfo;
  filter: tf.TensorInfo;
  bias?: tf.TensorInfo | undefined;
  pad: number;
  out: Shape4;
}

/** Makes tensors for one call. */
interface Scope {
  /** Marks a tensor as made here. */
  own(tensor: tf.TensorInfo): tf.TensorInfo;
  /**
   * `x` with `to` channels at the end instead of `from`, by adding zeros or dropping the last; `x` where they are
   * equal.
   */
  resized(x: tf.TensorInfo, from: number, to: number, shape: number[]): tf.TensorInfo;
}

/** What a call makes is released at its end, except its result. */
function scoped(run: (scope: Scope) => tf.TensorInfo): tf.TensorInfo {
  const stream = TensorStream.current;
  const made: tf.TensorInfo[] = [];
  const own = (tensor: tf.TensorInfo) => {
    made.push(tensor);
    return tensor;
  };
  const result = run({
    own,
    resized(x, from, to, shape) {
      if (from === to) return x;
      const out = own(stream.empty(shape));
      overElements(recount(), [x, out], { channels: from, outChannels: to }, sizeOf(out));
      return out;
    },
  });
  for (const tensor of made) if (tensor !== result) stream.release(tensor);
  return result;
}

const roundUp = (count: number, multiple: number): number => Math.ceil(count / multiple) * multiple;

/** out = x * filter + bias: the contraction of the inference plan, on tensors. The result is new. */
function convolve({ x, filter, bias, pad, out }: Convolution): tf.TensorInfo {
  const [kh, kw, inC, outC] = filter.shape as Shape4;
  // Four at a time; subgroups take the depth in steps of two and single columns.
  const single = TensorStream.current.traits.tile.kind === 'subgroup';
  const wideIn = roundUp(inC, single ? 2 : 4);
  const wideOut = roundUp(outC, single ? 1 : 4);
  const [n, h, w] = x.shape as Shape4;
  return scoped(({ own, resized }) => {
    const deep = resized(filter, inC * outC, wideIn * outC, [kh, kw, wideIn, outC]);
    const y = contract({
      x: resized(x, inC, wideIn, [n, h, w, wideIn]),
      filter: resized(deep, outC, wideOut, [kh, kw, wideIn, wideOut]),
      bias: bias && resized(bias, outC, wideOut, [wideOut]),
      pad,
      out: [out[0], out[1], out[2], wideOut],
    });
    return resized(own(y), wideOut, outC, out);
  });
}

function contract({ x, filter, bias, pad, out }: Convolution): tf.TensorInfo {
  const stream = TensorStream.current;
  const tile = inFloat32(stream.traits.tile);
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
    operands: [x, filter, bias ?? 'nothing', 'nothing', y],
    uniforms: {
      ...PLAIN,
      vectorOffset: 0,
      vectorStride: 0,
      hasVector: bias ? 1 : 0,
      hasResidual: 0,
      scaleF: 1,
      rows,
      columns: columns / unit,
      depth: depth / unit,
      depth1: depth / unit,
      taps: kernelHeight * kernel,
      kernel,
      pad,
      padTop: pad,
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
    padInfo.top === padInfo.left
  );
}

/** The convolution of x [N, H, W, in] by a filter [kh, kw, in, out], with a bias [out] or without one; a new tensor. */
export function forward(
  x: tf.TensorInfo,
  filter: tf.TensorInfo,
  info: tf.backend_util.Conv2DInfo,
  bias?: tf.TensorInfo,
): tf.TensorInfo {
  return convolve({ x, filter, bias, pad: info.padInfo.top, out: info.outShape as Shape4 });
}

/** The gradient dx in the input: the convolution of dy with the filter turned around, its channels exchanged. */
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

/** The gradient in the filter [kh, kw, in, out], in float32; pixels are divided among workgroups and added up afterwards. */
export function filterGradientOf(
  x: tf.TensorInfo,
  dy: tf.TensorInfo,
  info: tf.backend_util.Conv2DInfo,
): tf.TensorInfo {
  const { inChannels: inC, outChannels: outC, filterHeight: kh, filterWidth: kw } = info;
  const unit = unitSize(TensorStream.current.traits.unit);
  const [wideIn, wideOut] = [roundUp(inC, unit), roundUp(outC, unit)];
  return scoped(({ own, resized }) => {
    const wideX = resized(x, inC, wideIn, [...x.shape.slice(0, 3), wideIn]);
    const wideDy = resized(dy, outC, wideOut, [...dy.shape.slice(0, 3), wideOut]);
    const wide = own(pixelProducts(wideX, wideDy, { ...info, inChannels: wideIn, outChannels: wideOut }));
    const narrow = resized(wide, wideOut, outC, [kh, kw, wideIn, outC]);
    return resized(narrow, wideIn * outC, inC * outC, [kh, kw, inC, outC]);
  });
}

function pixelProducts(x: tf.TensorInfo, dy: tf.TensorInfo, info: tf.backend_util.Conv2DInfo): tf.TensorInfo {
  const stream = TensorStream.current;
  const { filterHeight, filterWidth, inChannels, outChannels, batchSize, outHeight } = info;
  const { kernel, size, unit } = filterGradient(stream.traits);
  const taps = filterHeight * filterWidth;
  const count = taps * inChannels * outChannels;
  const lines = batchSize * outHeight;
  const [columns, rows] = [Math.ceil(outChannels / size.columns), Math.ceil(inChannels / size.rows)];
  const splits = filterSplits(stream.software, taps * columns * rows, count, lines);
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
      stride: 1,
      pad: info.padInfo.top,
      inHeight: info.inHeight,
      inWidth: info.inWidth,
      outHeight,
      outWidth: info.outWidth,
      lines,
      splits,
      accumulate: 0,
    },
    grid: [columns, rows, taps * splits],
  });
  if (splits === 1) return parts;
  const sum = stream.empty(shape);
  overElements(sumOfParts(), [parts, sum], { parts: splits }, count);
  stream.release(parts);
  return sum;
}
