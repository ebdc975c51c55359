/** What a PNG header says of the rows. */
export interface PngLayout {
  readonly width: number;
  readonly height: number;
  /** Bits of a sample: 1, 2, 4, 8 or 16. */
  readonly depth: number;
  readonly channels: number;
  /** 0 grey, 2 RGB, 3 palette, 4 grey and alpha, 6 RGBA. */
  readonly kind: number;
  readonly interlaced: boolean;
}

/** Pixels of the whole picture that a pass holds: every dx-th of every dy-th row, from (x, y). */
interface Pass {
  readonly x: number;
  readonly y: number;
  readonly dx: number;
  readonly dy: number;
}

const WHOLE: Pass = { x: 0, y: 0, dx: 1, dy: 1 };
const ADAM7: readonly Pass[] = [
  { x: 0, y: 0, dx: 8, dy: 8 },
  { x: 4, y: 0, dx: 8, dy: 8 },
  { x: 0, y: 4, dx: 4, dy: 8 },
  { x: 2, y: 0, dx: 4, dy: 4 },
  { x: 0, y: 2, dx: 2, dy: 4 },
  { x: 1, y: 0, dx: 2, dy: 2 },
  { x: 0, y: 1, dx: 1, dy: 2 },
];

const passes = ({ interlaced }: PngLayout) => (interlaced ? ADAM7 : [WHOLE]);
const count = (size: number, first: number, step: number) => Math.ceil(Math.max(0, size - first) / step);
const rowBytes = (width: number, { depth, channels }: PngLayout) => Math.ceil((width * depth * channels) / 8);

/** Bytes of all filtered rows, each with its filter's number before it. */
export function rawSize(layout: PngLayout): number {
  let total = 0;
  for (const { x, y, dx, dy } of passes(layout)) {
    const width = count(layout.width, x, dx);
    if (width > 0) total += count(layout.height, y, dy) * (1 + rowBytes(width, layout));
  }
  return total;
}

/**
 * The samples of all pixels in order, from the unpacked rows, which are written to; null where a row names a filter
 * that there is not. Source: PNG specification (third edition), sections 8 and 9.
 */
export function unfiltered(raw: Uint8Array, layout: PngLayout): Uint8Array | Uint16Array | null {
  const { width, height, depth, channels } = layout;
  const total = width * height * channels;
  const out = depth === 16 ? new Uint16Array(total) : new Uint8Array(total);
  let at = 0;
  for (const { x, y, dx, dy } of passes(layout)) {
    const columns = count(width, x, dx);
    if (columns === 0) continue;
    const length = rowBytes(columns, layout);
    let above: Uint8Array | null = null;
    for (let row = y; row < height; row += dy) {
      const line = raw.subarray(at + 1, at + 1 + length);
      if (!unfilter(raw[at]!, line, above, Math.max(1, (depth * channels) >> 3))) return null;
      spread(line, out, layout, (row * width + x) * channels, columns, dx * channels);
      above = line;
      at += 1 + length;
    }
  }
  return out;
}

function unfilter(filter: number, line: Uint8Array, above: Uint8Array | null, step: number): boolean {
  switch (filter) {
    case 0:
      return true;
    case 1:
      for (let i = step; i < line.length; i++) line[i]! += line[i - step]!;
      return true;
    case 2:
      if (above) for (let i = 0; i < line.length; i++) line[i]! += above[i]!;
      return true;
    case 3:
      for (let i = 0; i < line.length; i++)
        line[i]! += ((i < step ? 0 : line[i - step]!) + (above ? above[i]! : 0)) >> 1;
      return true;
    case 4:
      for (let i = 0; i < line.length; i++) {
        const a = i < step ? 0 : line[i - step]!;
        const b = above ? above[i]! : 0;
        const c = i < step || !above ? 0 : above[i - step]!;
        line[i]! += paeth(a, b, c);
      }
      return true;
    default:
      return false;
  }
}

/**
 * The predictor of filter 4: of the samples to the left, above, and above to the left, the one nearest to a + b - c.
 */
function paeth(a: number, b: number, c: number): number {
  const p = a + b - c;
  const pa = Math.abs(p - a);
  const pb = Math.abs(p - b);
  const pc = Math.abs(p - c);
  return pa <= pb && pa <= pc ? a : pb <= pc ? b : c;
}

/** Samples of one row of a pass to their places: `step` samples from pixel to pixel. */
function spread(
  line: Uint8Array,
  out: Uint8Array | Uint16Array,
  { depth, channels }: PngLayout,
  start: number,
  columns: number,
  step: number,
): void {
  if (depth === 8 && step === channels) {
    out.set(line, start);
    return;
  }
  const mask = 2 ** depth - 1;
  for (let i = 0; i < columns; i++)
    for (let c = 0; c < channels; c++) {
      const sample = i * channels + c;
      const bit = sample * depth;
      out[start + i * step + c] =
        depth === 16
          ? line[2 * sample]! * 256 + line[2 * sample + 1]!
          : depth === 8
            ? line[sample]!
            : (line[bit >> 3]! >> (8 - depth - (bit & 7))) & mask;
    }
}
