/**
 * Separable resampling as a small banded matrix per axis: border handling is in the matrix, and a matrix
 * product is differentiable, to any order, on every back-end (depthwise gradients are not).
 */

/** Row-major [out, size]: out[i] = sum_k f[k] x[2 i + k - pad] with f = taps / sum(taps). */
export function downsampleMatrix(
  size: number,
  taps: readonly number[],
  pad: number,
): { rows: number; values: Float32Array } {
  const sum = taps.reduce((a, b) => a + b, 0);
  const rows = Math.floor((size + 2 * pad - taps.length) / 2) + 1;
  const values = new Float32Array(rows * size);
  for (let i = 0; i < rows; i++)
    for (const [k, tap] of taps.entries()) {
      const j = 2 * i + k - pad;
      if (j >= 0 && j < size) values[i * size + j]! += tap / sum;
    }
  return { rows, values };
}

/** Row-major [2 size, size]: transposed convolution of stride 2 with 2 f and padding (taps - 1) >> 1. */
export function upsampleMatrix(
  size: number,
  taps: readonly number[],
): { rows: number; values: Float32Array } {
  const sum = taps.reduce((a, b) => a + b, 0);
  const pad = (taps.length - 1) >> 1;
  const rows = 2 * (size - 1) - 2 * pad + taps.length;
  const values = new Float32Array(rows * size);
  for (let j = 0; j < size; j++)
    for (const [k, tap] of taps.entries()) {
      const i = 2 * j + k - pad;
      if (i >= 0 && i < rows) values[i * size + j]! += (2 * tap) / sum;
    }
  return { rows, values };
}
