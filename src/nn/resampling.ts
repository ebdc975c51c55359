/**
 * Bilinear interpolation as a small banded matrix per axis: border handling is in the matrix, and a matrix product
 * is differentiable, to any order, on every back-end.
 */

/** Row-major [rows, size]: what one axis of length `size` is multiplied with. */
export interface AxisMatrix {
  rows: number;
  values: Float32Array;
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

/**
 * The same as TensorFlow 1's resize_bilinear: pixel i of the result lies at i * size / out of the source, without half a
 * pixel's offset, so that the image moves towards its beginning.
 */
export function tensorFlow1Matrix(size: number, out: number): AxisMatrix {
  const values = new Float32Array(out * size);
  for (let i = 0; i < out; i++) {
    const at = (i * size) / out;
    const lower = Math.floor(at);
    values[i * size + lower]! += 1 - (at - lower);
    values[i * size + Math.min(size - 1, lower + 1)]! += at - lower;
  }
  return { rows: out, values };
}
