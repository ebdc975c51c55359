/** One component of a JPEG at its own resolution, row after row. */
export interface Plane {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/**
 * A component at the picture's size, `across` and `down` times its own, as libjpeg makes it: where it is half of it in
 * one direction or both, each new sample is three parts of the nearest and one of the next nearest; else samples are
 * repeated. Source: "fancy upsampling" in jdsample.c of libjpeg-turbo, its roundings included.
 */
export function upsampled(
  plane: Plane,
  across: number,
  down: number,
  width: number,
  height: number,
): Uint8Array {
  // Two columns or less are repeated, but only where columns are doubled.
  const wide = across === 2 && plane.width > 2;
  if (wide && down === 1) return cropped(doubledAcross(plane), width, height);
  if (wide && down === 2) return cropped(doubledBoth(plane), width, height);
  if (across === 1 && down === 2) return cropped(doubledDown(plane), width, height);
  const out = new Uint8Array(width * height);
  for (let y = 0, o = 0; y < height; y++) {
    const row = Math.floor(y / down) * plane.width;
    for (let x = 0; x < width; x++, o++) out[o] = plane.data[row + Math.floor(x / across)]!;
  }
  return out;
}

function doubledAcross({ width, height, data }: Plane): Plane {
  const out = new Uint8Array(2 * width * height);
  for (let i = 0; i < width * height; i++) {
    const x = i % width;
    const v = data[i]!;
    out[2 * i] = x === 0 ? v : (3 * v + data[i - 1]! + 1) >> 2;
    out[2 * i + 1] = x === width - 1 ? v : (3 * v + data[i + 1]! + 2) >> 2;
  }
  return { width: 2 * width, height, data: out };
}

/** The row next to y that new row 2 y or 2 y + 1 leans to; the outermost rows have themselves beyond. */
const neighbour = (y: number, lower: number, height: number) =>
  Math.min(height - 1, Math.max(0, y + (lower ? 1 : -1)));

function doubledDown({ width, height, data }: Plane): Plane {
  const out = new Uint8Array(2 * width * height);
  for (let row = 0, o = 0; row < 2 * height; row++) {
    const lower = row & 1;
    const near = (row >> 1) * width;
    const far = neighbour(row >> 1, lower, height) * width;
    for (let x = 0; x < width; x++, o++) out[o] = (3 * data[near + x]! + data[far + x]! + 1 + lower) >> 2;
  }
  return { width, height: 2 * height, data: out };
}

function doubledBoth({ width, height, data }: Plane): Plane {
  const out = new Uint8Array(4 * width * height);
  const sums = new Uint16Array(width);
  for (let row = 0, o = 0; row < 2 * height; row++) {
    const near = (row >> 1) * width;
    const far = neighbour(row >> 1, row & 1, height) * width;
    for (let x = 0; x < width; x++) sums[x] = 3 * data[near + x]! + data[far + x]!;
    for (let x = 0; x < width; x++) {
      const sum = sums[x]!;
      out[o++] = (x === 0 ? 4 * sum + 8 : 3 * sum + sums[x - 1]! + 8) >> 4;
      out[o++] = (x === width - 1 ? 4 * sum + 7 : 3 * sum + sums[x + 1]! + 7) >> 4;
    }
  }
  return { width: 2 * width, height: 2 * height, data: out };
}

function cropped(plane: Plane, width: number, height: number): Uint8Array {
  if (plane.width === width) return plane.data.subarray(0, width * height);
  const out = new Uint8Array(width * height);
  for (let y = 0; y < height; y++)
    out.set(plane.data.subarray(y * plane.width, y * plane.width + width), y * width);
  return out;
}
