import { type BandTable, bandTable, transposed } from '../../../simd/calls/maps';
import { bilinearMatrix, tensorFlow1Matrix } from '../../resampling';
import type { Operation, ResizeMethod, Shape } from '../operations';

/** Operations that are a banded matrix along each axis. */
export type Resampling = Extract<
  Operation,
  { op: 'resize' | 'downsample' | 'upsample' | 'pixelsFrom' | 'amongPixels' }
>;

/** A map as its rows and columns are resampled: pixels in a row are an axis of their own, of which some are taken. */
export function axesOf({ op }: Resampling, { height, width }: Shape): { height: number; width: number } {
  return op === 'pixelsFrom' || op === 'amongPixels'
    ? { height: height * width, width: 1 }
    : { height, width };
}

/** What one axis of length `size` is multiplied with for `result` values: every resampling, and its transpose. */
export function axisTable(operation: Resampling, size: number, result: number): BandTable {
  const { op } = operation;
  if (op === 'downsample') return bandTable(result, filterMatrix(operation, size, result));
  if (op === 'pixelsFrom' || op === 'amongPixels') {
    const values = new Float32Array(result * size);
    const skipped = size === result ? 0 : op === 'pixelsFrom' ? operation.from : -operation.from;
    for (let r = Math.max(0, -skipped); r < result && r + skipped < size; r++)
      values[r * size + r + skipped] = 1;
    return bandTable(result, values);
  }
  // Twice along each axis: a constant map stays what it is.
  if (op === 'upsample')
    return bandTable(
      result,
      transposed(size, filterMatrix(operation, result, size)).map((v) => 2 * v),
    );
  return bandTable(
    result,
    operation.transposed
      ? transposed(size, axisMatrix(operation.method, result, size))
      : axisMatrix(operation.method, size, result),
  );
}

/** Row-major [result, size]: what one axis of length `size` is multiplied with. */
export function axisMatrix(method: ResizeMethod, size: number, result: number): Float32Array {
  if (method === 'tensorflow-1') return tensorFlow1Matrix(size, result).values;
  if (method === 'around') return aroundMatrix(size);
  if (method !== 'box') return bilinearMatrix(size, result, method === 'corners').values;
  const block = size / result;
  return Float32Array.from({ length: result * size }, (_, i) =>
    Math.floor((i % size) / block) === Math.floor(i / size) ? 1 / block : 0,
  );
}

/** Row-major [size, size]: the mean of an element and its neighbours, of which those at the ends have one. */
function aroundMatrix(size: number): Float32Array {
  const values = new Float32Array(size * size);
  for (let i = 0; i < size; i++) {
    const [first, last] = [Math.max(0, i - 1), Math.min(size - 1, i + 1)];
    values.fill(1 / (last - first + 1), i * size + first, i * size + last + 1);
  }
  return values;
}

/** Row-major [result, size]: a filter of `taps` / sum with stride 2 after `pad` zeros on both sides. */
export function filterMatrix(
  { taps, pad }: { taps: readonly number[]; pad: number },
  size: number,
  result: number,
): Float32Array {
  const total = taps.reduce((a, b) => a + b, 0);
  const values = new Float32Array(result * size);
  for (let r = 0; r < result; r++)
    for (const [k, tap] of taps.entries()) {
      const at = 2 * r + k - pad;
      if (at >= 0 && at < size) values[r * size + at] = tap / total;
    }
  return values;
}
