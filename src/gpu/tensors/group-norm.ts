import type { TensorInfo } from '@tensorflow/tfjs-core';
import { sumOfParts } from '../kernels/elementwise';
import {
  chunkMoments,
  chunkProducts,
  chunkSums,
  joinMoments,
  joinProducts,
  LANES,
  normalise,
  normGradient,
} from '../kernels/group-norm';
import { overElements, sizeOf } from './elements';
import { TensorStream } from './stream';

/** Chunks that keep an adapter busy, each with enough pixels to be worth a workgroup. */
const BUSY = { software: 8, hardware: 512 };
const FEWEST_PIXELS = 16;

/** Pixels divided into chunks: [N, pixels, C] as kernel arguments. */
function chunked(images: number, pixels: number, channels: number) {
  const lanes = Math.ceil(channels / LANES);
  const busy = TensorStream.current.software ? BUSY.software : BUSY.hardware;
  const wanted = Math.min(Math.ceil(busy / (lanes * images)), Math.ceil(pixels / FEWEST_PIXELS));
  const chunk = Math.ceil(pixels / wanted);
  const chunks = Math.ceil(pixels / chunk);
  const grid: [number, number, number] = [lanes, chunks, images];
  return { chunks, grid, uniforms: { channels, pixels, chunk, chunks } };
}

/** y of x [N, pixels, C], and the statistics [3, N, G] that its gradient needs: mean, 1 / deviation, variance. */
export function groupNormForward(
  x: TensorInfo,
  weight: TensorInfo,
  bias: TensorInfo,
  { groups, eps }: { groups: number; eps: number },
): { y: TensorInfo; statistics: TensorInfo } {
  const stream = TensorStream.current;
  const [n, pixels, channels] = x.shape as [number, number, number];
  const { chunks, grid, uniforms } = chunked(n, pixels, channels);
  const parts = stream.empty([n, chunks, 2, channels]);
  stream.call({ kernel: chunkMoments(), operands: [x, parts], uniforms, grid });
  const statistics = stream.empty([3, n, groups]);
  const width = channels / groups;
  overElements(joinMoments(), [parts, statistics], { ...uniforms, width, epsF: eps }, n * groups);
  stream.release(parts);
  const y = stream.empty(x.shape);
  overElements(
    normalise(),
    [x, statistics, weight, bias, y],
    { channels, pixels, width, allGroups: n * groups },
    sizeOf(y),
  );
  return { y, statistics };
}

/** dx, and [2, C]: the gradients of bias and weight. */
export function groupNormGradient(
  dy: TensorInfo,
  x: TensorInfo,
  weight: TensorInfo,
  statistics: TensorInfo,
): { dx: TensorInfo; parameters: TensorInfo } {
  const stream = TensorStream.current;
  const [n, pixels, channels] = x.shape as [number, number, number];
  const groups = statistics.shape[2]!;
  const width = channels / groups;
  const { chunks, grid, uniforms } = chunked(n, pixels, channels);
  const norm = { width, allGroups: n * groups };
  const parts = stream.empty([n, chunks, 2, channels]);
  stream.call({
    kernel: chunkProducts(),
    operands: [x, dy, statistics, parts],
    uniforms: { ...uniforms, ...norm },
    grid,
  });
  const means = stream.empty([2, n, groups]);
  overElements(joinProducts(), [parts, weight, means], { channels, pixels, chunks, width }, n * groups);
  const dx = stream.empty(x.shape);
  overElements(
    normGradient(),
    [x, dy, statistics, means, weight, dx],
    { channels, pixels, ...norm },
    sizeOf(dx),
  );
  const parameters = stream.empty([2, channels]);
  overElements(sumOfParts(), [parts, parameters], { parts: n * chunks }, 2 * channels);
  stream.release(parts);
  stream.release(means);
  return { dx, parameters };
}

/** Sum over all rows of [rows, columns], times `scale`. */
export function columnSums(x: TensorInfo, columns: number, shape: number[], scale = 1): TensorInfo {
  const stream = TensorStream.current;
  const { chunks, grid, uniforms } = chunked(1, sizeOf(x) / columns, columns);
  const parts = stream.empty(chunks === 1 ? shape : [chunks, columns]);
  stream.call({ kernel: chunkSums(), operands: [x, parts], uniforms: { ...uniforms, scaleF: scale }, grid });
  if (chunks === 1) return parts;
  const sums = stream.empty(shape);
  overElements(sumOfParts(), [parts, sums], { parts: chunks }, columns);
  stream.release(parts);
  return sums;
}
