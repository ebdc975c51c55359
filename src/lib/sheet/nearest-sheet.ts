import type { PixelImage } from '../image-grid';
import { FONT } from './font';
import { type Colour, INK, Page, QUIET, type SheetImage } from './page';

/** An image with its nearest training images, the nearest first. */
export interface NearestRow {
  /** Below the image: "seed 7", and how its distance lies among those of real images. */
  name: string;
  place: string;
  /** It is nearer than real images are. */
  suspect: boolean;
  image: SheetImage;
  near: readonly { image: SheetImage; distance: string }[];
}

const CELL = 128;
const GAP = 8;
const MARGIN = 24;
const SIZE = 2;
const LINE = (FONT.height + 3) * SIZE;
const SUSPECT: Colour = [168, 32, 26];

/** Two columns of rows: a generated image, its nearest training images, their distances below. RGB on white. */
export function drawNearestSheet(rows: readonly NearestRow[], foot: readonly string[]): PixelImage {
  const most = Math.max(...rows.map(({ near }) => near.length));
  const rowWidth = (most + 1) * (CELL + GAP) + 2 * GAP;
  const columns = rows.length > 4 ? 2 : 1;
  const rowHeight = CELL + 2 * LINE + 2 * GAP;
  const lines = Math.ceil(rows.length / columns);
  const width = 2 * MARGIN + columns * rowWidth + (columns - 1) * MARGIN;
  const top = MARGIN + foot.length * LINE + GAP;
  const height = top + lines * rowHeight + MARGIN;
  const page = new Page(width, height);
  foot.forEach((line, i) => {
    page.text(line, MARGIN, MARGIN + i * LINE, { size: SIZE, colour: INK, room: width - 2 * MARGIN });
  });
  rows.forEach((row, i) => {
    const left = MARGIN + (i % columns) * (rowWidth + MARGIN);
    drawRow(page, row, left, top + Math.floor(i / columns) * rowHeight);
  });
  return { width, height, data: page.data };
}

function drawRow(
  page: Page,
  { name, place, suspect, image, near }: NearestRow,
  left: number,
  y: number,
): void {
  const below = y + CELL + GAP;
  page.image(image, left, y, CELL);
  page.text(name, left, below, { size: SIZE, colour: INK, room: CELL });
  page.text(place, left, below + LINE, {
    size: SIZE,
    colour: suspect ? SUSPECT : QUIET,
    room: 3 * CELL,
  });
  near.forEach((other, i) => {
    const x = left + (i + 1) * (CELL + GAP) + 2 * GAP;
    page.image(other.image, x, y, CELL);
    page.text(other.distance, x, below, { size: SIZE, colour: QUIET, room: CELL });
  });
}
