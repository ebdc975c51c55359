import { FONT, fitText, textColumns } from './font';

/** An image of a sheet: its own pixels, one byte a channel. */
export interface SheetImage {
  resolution: number;
  /** 1 grey, 3 RGB or 4 RGBA, whose alpha is left out. */
  channels: 1 | 3 | 4;
  /** [resolution, resolution, channels]. */
  data: Uint8Array | Uint8ClampedArray;
}

/** The colours of sheets, which are on white whatever the page's theme is. */
export type Colour = readonly [number, number, number];
const GROUND: Colour = [255, 255, 255];
export const INK: Colour = [23, 26, 26];
export const QUIET: Colour = [96, 100, 99];
export const RULE: Colour = [217, 217, 214];
const EMPTY: Colour = [240, 240, 238];

interface TextStyle {
  /** Pixels for one of the face. */
  size: number;
  colour: Colour;
  /** Width that the text may take, in pixels. */
  room: number;
}

/** RGB pixels to draw on. */
export class Page {
  readonly data: Uint8Array;

  constructor(
    private readonly width: number,
    height: number,
  ) {
    this.data = new Uint8Array(width * height * 3).fill(GROUND[0]);
  }

  fill(left: number, top: number, width: number, height: number, [r, g, b]: Colour): void {
    for (let y = top; y < top + height; y++)
      for (let x = left; x < left + width; x++) {
        const at = (y * this.width + x) * 3;
        this.data[at] = r;
        this.data[at + 1] = g;
        this.data[at + 2] = b;
      }
  }

  text(text: string, left: number, top: number, { size, colour, room }: TextStyle): void {
    textColumns(fitText(text, Math.floor(room / size))).forEach((column, x) => {
      for (let y = 0; y < FONT.height; y++)
        if ((column >> y) & 1) this.fill(left + x * size, top + y * size, size, size, colour);
    });
  }

  /** An image in the middle of its place, at the largest whole multiple. */
  image(image: SheetImage | null, left: number, top: number, cell: number): void {
    if (!image) {
      this.fill(left, top, cell, cell, EMPTY);
      return;
    }
    const { resolution, channels, data } = image;
    const multiple = Math.max(1, Math.floor(cell / resolution));
    const inset = (cell - resolution * multiple) >> 1;
    for (let y = 0; y < resolution; y++)
      for (let x = 0; x < resolution; x++) {
        const at = (y * resolution + x) * channels;
        const grey = channels === 1;
        const colour = [data[at]!, data[grey ? at : at + 1]!, data[grey ? at : at + 2]!] as const;
        this.fill(left + inset + x * multiple, top + inset + y * multiple, multiple, multiple, colour);
      }
  }
}
