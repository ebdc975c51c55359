import { bilinearMatrix } from '../../resampling';
import type { ResizeMethod } from '../operations';

/** Row-major [result, size]: what one axis of length `size` is multiplied with. */
export function axisMatrix(method: ResizeMethod, size: number, result: number): Float32Array {
  if (method !== 'box') return bilinearMatrix(size, result, method === 'corners').values;
  const block = size / result;
  return Float32Array.from({ length: result * size }, (_, i) =>
    Math.floor((i % size) / block) === Math.floor(i / size) ? 1 / block : 0,
  );
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
