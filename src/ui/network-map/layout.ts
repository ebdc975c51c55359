/** Height of a row of a map that is read, in pixels. */
export const ROW = 17;
/** Height of the gap between two sides of the network, in pixels. */
export const GAP = 8;

/** Where the rows of a map of a network are, in pixels from its top. */
export interface MapLayout {
  /** Height of a row. */
  pitch: number;
  height: number;
  top: (row: number) => number;
  /** Room before a row: where the side of the network changes. */
  gapBefore: (row: number) => number;
}

/** `sides`: the side of the network of each row. Rows that are pressed are higher, and so is what stands between sides. */
export function mapLayout(sides: readonly string[], { pitch = ROW, gap = GAP } = {}): MapLayout {
  const gapBefore = (row: number) =>
    row > 0 && row < sides.length && sides[row] !== sides[row - 1] ? gap : 0;
  const gaps: number[] = [];
  for (const row of sides.keys()) gaps.push((gaps.at(-1) ?? 0) + gapBefore(row));
  const top = (row: number) => row * pitch + (gaps[Math.min(row, gaps.length - 1)] ?? 0);
  return { pitch, height: top(sides.length), top, gapBefore };
}
