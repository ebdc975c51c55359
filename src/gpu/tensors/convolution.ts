import type * as tf from '@tensorflow/tfjs-core';
import { contraction } from '../kernels/contraction';
import { gridOf, isNarrow, PLAIN } from '../kernels/contraction-call';
import { flipped, recount, sumOfParts } from '../kernels/elementwise';
import { filterGradient } from '../kernels/filter-gradient';
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

/** A tensor with `to` channels instead of `from`, for kernels that index four at a time; whoever asks releases it. */
function widened(x: tf.TensorInfo, from: number, to: number, shape: number[]): tf.TensorInfo {
  const out = TensorStream.current.empty(shape);
  overElements(recount(), [x, out], { channels: from, outChannels: to }, sizeOf(out));
  return out;
}

/** Runs `use` on tensors whose channel counts are multiples of what a tile takes, made and released around it where need be. */
function inUnits(
  { x, filter, bias, pad, out }: Convolution,
  multiples: { depth: number; columns: number },
  use: (convolution: Convolution) => tf.TensorInfo,
): tf.TensorInfo {
  const [kh, kw, inC, outC] = filter.shape as Shape4;
  const wideIn = Math.ceil(inC / multiples.depth) * multiples.depth;
  const wideOut = Math.ceil(outC / multiples.columns) * multiples.columns;
  if (wideIn === inC && wideOut === outC) return use({ x, filter, bias, pad, out });
  const stream = TensorStream.current;
  const made: tf.TensorInfo[] = [];
  const wide = (t: tf.TensorInfo, from: number, to: number, shape: number[]) => {
    if (from === to) return t;
    made.push(widened(t, from, to, shape));
    return made.at(-1)!;
  };
  const [n, h, w] = x.shape as Shape4;
  const deep = wide(filter, inC * outC, wideIn * outC, [kh, kw, wideIn, outC]);
  const y = use({
    x: wide(x, inC, wideIn, [n, h, w, wideIn]),
    filter: wide(deep, outC, wideOut, [kh, kw, wideIn, wideOut]),
    bias: bias && wide(bias, outC, wideOut, [wideOut]),
    pad,
    out: [out[0], out[1], out[2], wideOut],
  });
  for (const tensor of made) stream.release(tensor);
  if (wideOut === outC) return y;
  const cropped = widened(y, wideOut, outC, out);
  stream.release(y);
  return cropped;
}

/** out = x * filter + bias: the contraction of the inference plan, on tensors. The result is new. */
function convolve(convolution: Convolution): tf.TensorInfo {
  // Four at a time; subgroups take the depth in steps of two and single columns.
  const single = TensorStream.current.traits.tile.kind === 'subgroup';
  return inUnits(convolution, single ? { depth: 2, columns: 1 } : { depth: 4, columns: 4 }, contract);
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

export function forward(
  x: tf.TensorInfo,
  filter: tf.TensorInfo,
  info: tf.backend_util.Conv2DInfo,
  bias?: tf.TensorInfo,
): tf.TensorInfo {
  return convolve({ x, filter, bias, pad: info.padInfo.top, out: info.outShape as Shape4 });
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
  const { inChannels, outChannels } = info;
  const unit = unitSize(TensorStream.current.traits.unit);
  const [wideIn, wideOut] = [inChannels, outChannels].map((c) => Math.ceil(c / unit) * unit) as [
    number,
    number,
  ];
  if (wideIn === inChannels && wideOut === outChannels) return pixelProducts(x, dy, info);
  const made: tf.TensorInfo[] = [];
  const recounted = (t: tf.TensorInfo, from: number, to: number, shape: number[]) => {
    if (from === to) return t;
    made.push(widened(t, from, to, shape));
    return made.at(-1)!;
  };
  const wideX = recounted(x, inChannels, wideIn, [...x.shape.slice(0, 3), wideIn]);
  const wideDy = recounted(dy, outChannels, wideOut, [...dy.shape.slice(0, 3), wideOut]);
  const wide = pixelProducts(wideX, wideDy, { ...info, inChannels: wideIn, outChannels: wideOut });
  made.push(wide);
  const { filterHeight: kh, filterWidth: kw } = info;
  const narrow = recounted(wide, wideOut, outChannels, [kh, kw, wideIn, outChannels]);
  const result = recounted(narrow, wideIn * outChannels, inChannels * outChannels, [
    kh,
    kw,
    inChannels,
    outChannels,
  ]);
  for (const tensor of made) if (tensor !== result) TensorStream.current.release(tensor);
  return result;
}

function pixelProducts(x: tf.TensorInfo, dy: tf.TensorInfo, info: tf.backend_util.Conv2DInfo): tf.TensorInfo {
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
