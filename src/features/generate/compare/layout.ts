/** The rows' grid, CSS pixels: the head of a row is two modules wide, each image one. */
export interface RowsLayout {
  /** Edge of an image's place. */
  module: number;
  /** Images side by side. */
  columns: number;
  gap: number;
  /** The head stands above its images: there is no room beside them. */
  stacked: boolean;
}

const MODULE = 128;
const GAP = 4;
/** Images of 64 and 32 pixels stand in whole multiples in modules of this and its multiples. */
const STEP = 64;
/** More seeds than these tell nothing more; then the images grow. */
const MOST = 8;
const FEWEST = 3;
/** Between images that go from edge to edge. */
const NARROW_GAP = 3;

/** What fits a width: four seeds beside the inspector at 1440, six without it. */
export function layOutRows(width: number): RowsLayout {
  const head = 2 * MODULE + GAP;
  const across = (module: number) => Math.floor((width - head + 0.01) / (module + GAP));
  if (across(MODULE) < FEWEST) return layOutStacked(width);
  const grown = Math.floor(((width - head) / MOST - GAP) / STEP) * STEP;
  const module = Math.max(MODULE, grown);
  return { module, columns: Math.min(MOST, across(module)), gap: GAP, stacked: false };
}

function layOutStacked(width: number): RowsLayout {
  const columns = Math.max(FEWEST, Math.min(MOST, Math.floor((width + NARROW_GAP) / (MODULE + NARROW_GAP))));
  const room = Math.floor((width - (columns - 1) * NARROW_GAP) / columns);
  return { module: Math.min(MODULE, room), columns, gap: NARROW_GAP, stacked: true };
}

/** Edge of an image in its place: the largest whole multiple of its pixels, counted in device pixels. */
export function imageSize(resolution: number, module: number, ratio: number): number {
  const multiple = Math.max(1, Math.floor((module * ratio + 0.01) / resolution));
  return (resolution * multiple) / ratio;
}
