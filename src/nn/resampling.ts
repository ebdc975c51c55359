/**
 * Separable resampling as a small banded matrix per axis: border handling is in the matrix, and a matrix
 * product is differentiable, to any order, on every back-end (depthwise gradients are not).
 */

/** Row-major [rows, size]: what one axis of length `size` is multiplied with. */
export interface AxisMatrix {
  rows: number;
  values: Float32Array;
}

/** Row-major [out, size]: out[i] = sum_k f[k] x[2 i + k - pad] with f = taps / sum(taps). */
export function downsampleMatrix(size: number, taps: readonly number[], pad: number): AxisMatrix {
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
export function upsampleMatrix(size: number, taps: readonly number[]): AxisMatrix {
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

/**
 * Row-major [out, size]: bilinear interpolation of one axis as PyTorch's F.interpolate does it, with either
 * convention for the corners; no antialiasing.
 */
export function bilinearMatrix(size: number, out: number, alignCorners: boolean): AxisMatrix {
  const values = new Float32Array(out * size);
  for (let i = 0; i < out; i++) {
    const at = alignCorners
      ? out === 1
        ? 0
        : (i * (size - 1)) / (out - 1)
      : Math.max(0, ((i + 0.5) * size) / out - 0.5);
    const lower = Math.min(size - 1, Math.floor(at));
    const weight = at - lower;
    values[i * size + lower]! += 1 - weight;
    values[i * size + Math.min(size - 1, lower + 1)]! += weight;
  }
  return { rows: out, values };
}
