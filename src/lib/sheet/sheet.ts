import type { PixelImage } from '../image-grid';
import { factTexts, howText, type RowFigures, timeText } from '../row-caption';
import { evaluations } from '../sampling';
import { FONT, textColumns, wrapText } from './font';
import { type Colour, INK, Page, QUIET, RULE, type SheetImage } from './page';

export interface SheetRow {
  figures: RowFigures;
  /** By seed; null = not made. */
  images: readonly (SheetImage | null)[];
  /** What sets this row apart, such as a class that it does not have; null = nothing. */
  note: string | null;
}

export interface Sheet {
  /** Above the images, one each: "seed 7". */
  heads: readonly string[];
  /** At the foot: what made the images, and where the times were measured. */
  foot: string;
  rows: readonly SheetRow[];
}

/** Pixels: the edge of an image's place, the gap between two, the width of a row's head, and the margin around all. */
const CELL = 256;
const GAP = 8;
const HEAD = 2 * CELL + GAP;
const MARGIN = 32;
/** Pixels of the sheet for one of the face. */
const LARGE = 3;
const SMALL = 2;
const LINE = (FONT.height + 3) * SMALL;
const NAME_LINE = (FONT.height + 1) * LARGE;

const ROLE: Record<RowFigures['role'], Colour> = {
  student: [169, 66, 0],
  teacher: [22, 94, 152],
  unknown: QUIET,
};

/**
 * Rows of images under each other, each with its name, time and facts, as RGB on white. Images of different
 * resolutions fill the same place by whole multiples of their pixels.
 */
export function drawSheet({ heads, foot, rows }: Sheet): PixelImage {
  const cell = rows
    .flatMap((row) => row.images.map((image) => image?.resolution ?? 0))
    .reduce((size, resolution) => Math.max(size, resolution), CELL);
  const width = 2 * MARGIN + HEAD + heads.length * (cell + GAP);
  const top = MARGIN + LINE;
  const below = top + rows.length * (cell + GAP) + GAP;
  const footLines = wrapText(foot, Math.floor((width - 2 * MARGIN) / SMALL));
  const height = below + footLines.length * LINE + MARGIN;
  const page = new Page(width, height);
  heads.forEach((head, i) => {
    const text = { size: SMALL, colour: QUIET, room: cell };
    page.text(head, MARGIN + HEAD + GAP + i * (cell + GAP), MARGIN, text);
  });
  rows.forEach((row, r) => {
    const y = top + r * (cell + GAP);
    drawHead(page, row, y);
    row.images.forEach((image, i) => {
      page.image(image, MARGIN + HEAD + GAP + i * (cell + GAP), y, cell);
    });
  });
  footLines.forEach((line, i) => {
    page.text(line, MARGIN, below + i * LINE, { size: SMALL, colour: QUIET, room: width - 2 * MARGIN });
  });
  return { width, height, data: page.data };
}

function drawHead(page: Page, { figures, note }: SheetRow, y: number): void {
  const room = HEAD - GAP;
  const colour = ROLE[figures.role];
  page.fill(MARGIN, y, room, 1, RULE);
  page.fill(MARGIN, y + 17, 14, 14, colour);
  const time = timeText(figures);
  const timeWidth = textColumns(time).length * LARGE;
  page.text(time, MARGIN + room - timeWidth, y + 14, { size: LARGE, colour: INK, room: timeWidth });
  const nameRoom = room - 26 - timeWidth - 16;
  const name = wrapText(figures.name, Math.floor(nameRoom / LARGE), 2);
  name.forEach((line, i) => {
    page.text(line, MARGIN + 26, y + 14 + i * NAME_LINE, { size: LARGE, colour: INK, room: nameRoom });
  });
  const how = y + 20 + name.length * NAME_LINE;
  page.text(howText(figures), MARGIN, how, { size: SMALL, colour: QUIET, room });
  drawTicks(page, evaluations(figures), how + 26, colour, room);
  const facts: (readonly [string, string])[] = factTexts(figures);
  if (note) facts.push(['Class', note]);
  facts.forEach(([term, value], i) => {
    const line = how + 62 + i * LINE;
    page.text(term, MARGIN, line, { size: SMALL, colour: QUIET, room: 140 });
    page.text(value, MARGIN + 150, line, { size: SMALL, colour: INK, room: room - 150 });
  });
}

/** A tick for each network evaluation; closer together where they would not fit. */
function drawTicks(page: Page, count: number, y: number, colour: Colour, room: number): void {
  const step = Math.max(1, Math.min(8, Math.floor(room / count)));
  for (let i = 0; i < Math.min(count, room); i++)
    page.fill(MARGIN + i * step, y, Math.max(1, step >> 1), 20, colour);
}
