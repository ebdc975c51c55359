import type { Shape } from '../../src/nn/plan/graph';
import {
  type ConvGeometry,
  type PoolGeometry,
  type ResizeMethod,
  tapsOf,
} from '../../src/nn/plan/operations';
import { axisMatrix } from '../../src/nn/plan/training/axes';

/** Which elements of an operation's input and result meet. */

/** Visits what a convolution joins: first indices of a pixel of x and of one of y, and the tap between them. */
export function windows(
  { kernel, stride, pad, across = { kernel, pad } }: ConvGeometry,
  batch: number,
  source: Shape,
  result: Shape,
  visit: (x: number, y: number, tap: number) => void,
): void {
  for (let n = 0; n < batch; n++)
    for (let oy = 0; oy < result.height; oy++)
      for (let ox = 0; ox < result.width; ox++)
        for (let i = 0; i < kernel; i++)
          for (let j = 0; j < across.kernel; j++) {
            const [sy, sx] = [oy * stride + i - pad, ox * stride + j - across.pad];
            if (sy < 0 || sy >= source.height || sx < 0 || sx >= source.width) continue;
            visit(
              ((n * source.height + sy) * source.width + sx) * source.channels,
              ((n * result.height + oy) * result.width + ox) * result.channels,
              i * across.kernel + j,
            );
          }
}

/** OIHW to [tap, O, I]. */
export function tapMajor(w: Float64Array, geometry: ConvGeometry, inputs: number): Float64Array {
  const area = tapsOf(geometry);
  const inner = geometry.depthwise ? 1 : inputs;
  const outputs = w.length / area / inner;
  return w.map((_, i) => {
    const [tap, rest] = [Math.floor(i / (outputs * inner)), i % (outputs * inner)];
    return w[rest * area + tap]!;
  });
}

/** [tap, O, I] to OIHW. */
export function published(w: Float64Array, { kernel }: ConvGeometry): Float64Array {
  const area = kernel * kernel;
  const each = w.length / area;
  return w.map((_, i) => w[(i % area) * each + Math.floor(i / area)]!);
}

/** Visits what a filter of `taps` with stride 2 takes from `source`: indices of x and y, and the factor. */
export function filter(
  { taps, pad }: { taps: readonly number[]; pad: number },
  batch: number,
  source: Shape,
  result: Shape,
  visit: (x: number, y: number, factor: number) => void,
): void {
  const total = taps.reduce((a, b) => a + b, 0);
  const k = taps.length;
  const geometry = { kernel: k, stride: 2, pad, padEnd: pad, depthwise: true };
  windows(geometry, batch, source, result, (x, y, tap) => {
    const factor = (taps[Math.floor(tap / k)]! * taps[tap % k]!) / total ** 2;
    for (let c = 0; c < source.channels; c++) visit(x + c, y + c, factor);
  });
}

/** Visits every product of a resize. */
export function resize(
  method: ResizeMethod,
  batch: number,
  source: Shape,
  result: Shape,
  visit: (x: number, y: number, factor: number) => void,
): void {
  const [vertical, horizontal] = [
    axisMatrix(method, source.height, result.height),
    axisMatrix(method, source.width, result.width),
  ];
  for (let n = 0; n < batch; n++)
    for (let oy = 0; oy < result.height; oy++)
      for (let ox = 0; ox < result.width; ox++)
        for (let sy = 0; sy < source.height; sy++)
          for (let sx = 0; sx < source.width; sx++) {
            const factor = vertical[oy * source.height + sy]! * horizontal[ox * source.width + sx]!;
            if (factor === 0) continue;
            for (let c = 0; c < result.channels; c++)
              visit(
                ((n * source.height + sy) * source.width + sx) * source.channels + c,
                ((n * result.height + oy) * result.width + ox) * result.channels + c,
                factor,
              );
          }
}

/** Visits the pixels that a shift joins, those of x and of y, where they are inside and not cut out. */
export function shiftAndCut(
  places: Float64Array,
  batch: number,
  { height, width }: Shape,
  visit: (x: number, y: number) => void,
): void {
  for (let n = 0; n < batch; n++) {
    const place = places.subarray(6 * n, 6 * n + 6);
    const [shiftY, shiftX, top, bottom, left, right] = place as unknown as [
      number,
      number,
      number,
      number,
      number,
      number,
    ];
    for (let i = 0; i < height; i++)
      for (let j = 0; j < width; j++) {
        const [row, column] = [i + shiftY, j + shiftX];
        if (row < 0 || row >= height || column < 0 || column >= width) continue;
        if (i >= top && i < bottom && j >= left && j < right) continue;
        visit((n * height + row) * width + column, (n * height + i) * width + j);
      }
  }
}

/** Where the first of the largest of a window lies, for element `i` of the result. */
export function largest(
  x: Float64Array,
  i: number,
  from: Shape,
  to: Shape,
  { kernel, stride, pad }: PoolGeometry = { kernel: 2, stride: 2, pad: 0 },
): number {
  const c = i % to.channels;
  const pixel = Math.floor(i / to.channels);
  const [ox, oy, n] = [
    pixel % to.width,
    Math.floor(pixel / to.width) % to.height,
    Math.floor(pixel / (to.width * to.height)),
  ];
  let best = -1;
  for (let tap = 0; tap < kernel * kernel; tap++) {
    const y = oy * stride - pad + Math.floor(tap / kernel);
    const column = ox * stride - pad + (tap % kernel);
    if (y < 0 || y >= from.height || column < 0 || column >= from.width) continue;
    const at = ((n * from.height + y) * from.width + column) * from.channels + c;
    if (best < 0 || x[at]! > x[best]!) best = at;
  }
  return best;
}

export function addScaled(
  to: Float64Array,
  i: number,
  from: Float64Array,
  j: number,
  count: number,
  factor: number,
  stride = 1,
): void {
  for (let k = 0; k < count; k++) to[i + k]! += factor * from[j + k * stride]!;
}
