import { PANEL } from '../../../simd/record';

/**
 * Parameters in the layouts of the SIMD kernels. A matrix [rows, columns] is panels of 8 columns, each [rows, 8],
 * zeros where there is nothing.
 */
export interface PackedMatrix {
  /** Float32 values of one matrix. */
  size: number;
  /** Where column `column` of row 0 lies; rows follow `PANEL` values apart. */
  at(column: number): number;
}

/** How a matrix of [rows, columns] is packed. */
export function packedMatrix(rows: number, columns: number): PackedMatrix {
  return {
    size: rows * Math.ceil(columns / PANEL) * PANEL,
    at: (column) => Math.floor(column / PANEL) * rows * PANEL + (column % PANEL),
  };
}

/** Stored channels of what a convolution reads: index of the network's channel, or -1 for padding. */
export type ChannelOrder = readonly number[];

/**
 * OIHW to a matrix [taps * channels, outputs] for a direct convolution; `inputs` and `outputs` say which of the
 * network's channels is stored where, `area` how many taps there are.
 */
export function packDirect(
  weight: Float32Array,
  area: number,
  channels: number,
  inputs: ChannelOrder,
  outputs: ChannelOrder,
  to: Float32Array,
): void {
  const matrix = packedMatrix(area * inputs.length, outputs.length);
  for (const [column, o] of outputs.entries()) {
    if (o < 0) continue;
    let at = matrix.at(column);
    for (let tap = 0; tap < area; tap++)
      for (const c of inputs) {
        if (c >= 0) to[at] = weight[(o * channels + c) * area + tap]!;
        at += PANEL;
      }
  }
}

/** Winograd's G, [tile + 2, 3]: how a 3-tap filter is seen at each point; F(4, 3): 0, 1, -1, 2, -2, infinity. */
const FILTER_TRANSFORMS: Record<2 | 4, readonly number[]> = {
  2: [1, 0, 0, 1 / 2, 1 / 2, 1 / 2, 1 / 2, -1 / 2, 1 / 2, 0, 0, 1],
  4: [
    ...[1 / 4, 0, 0, -1 / 6, -1 / 6, -1 / 6, -1 / 6, 1 / 6, -1 / 6],
    ...[1 / 24, 1 / 12, 1 / 6, 1 / 24, -1 / 12, 1 / 6, 0, 0, 1],
  ],
};

/** OIHW 3x3 to (tile + 2)^2 matrices [channels, outputs], transformed in float64. */
export function packWinograd(
  weight: Float32Array,
  tile: 2 | 4,
  channels: number,
  inputs: ChannelOrder,
  outputs: ChannelOrder,
  to: Float32Array,
): void {
  const g = Float64Array.from(FILTER_TRANSFORMS[tile]);
  const points = tile + 2;
  const matrix = packedMatrix(inputs.length, outputs.length);
  const half = new Float64Array(points * 3);
  // A panel's columns together: their values are neighbours in every matrix.
  for (let first = 0; first < outputs.length; first += PANEL)
    for (let row = 0; row < inputs.length; row++)
      for (let column = first; column < Math.min(first + PANEL, outputs.length); column++) {
        const o = outputs[column]!;
        const c = inputs[row]!;
        if (o < 0 || c < 0) continue;
        const w = (o * channels + c) * 9;
        for (let i = 0; i < points; i++)
          for (let j = 0; j < 3; j++)
            half[i * 3 + j] =
              g[i * 3]! * weight[w + j]! +
              g[i * 3 + 1]! * weight[w + 3 + j]! +
              g[i * 3 + 2]! * weight[w + 6 + j]!;
        let at = matrix.at(column) + row * PANEL;
        for (let i = 0; i < points; i++)
          for (let j = 0; j < points; j++) {
            to[at] =
              half[i * 3]! * g[j * 3]! + half[i * 3 + 1]! * g[j * 3 + 1]! + half[i * 3 + 2]! * g[j * 3 + 2]!;
            at += matrix.size;
          }
      }
}

/** Rows [features, inputs] of a linear layer to columns `first` onwards of a matrix [stored inputs, all features]. */
export function packLinear(
  weight: Float32Array,
  inputs: number,
  scale: number,
  matrix: PackedMatrix,
  first: number,
  to: Float32Array,
): void {
  const features = weight.length / inputs;
  for (let o = 0; o < features; o++)
    for (let i = 0, at = matrix.at(first + o); i < inputs; i++, at += PANEL)
      to[at] = weight[o * inputs + i]! * scale;
}
