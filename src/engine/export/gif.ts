import { applyPalette, GIFEncoder, quantize } from 'gifenc';
import { enlarge } from './enlarge';

/** A GIF has 256 colours a frame. */
const COLOURS = 256;
/** Browsers show a frame of less than two hundredths of a second for ten. */
const SHORTEST = 2;
export const GIF_MAX_FPS = 100 / SHORTEST;

interface Options {
  /** Pixels of the images' side. */
  resolution: number;
  /** How many times larger each pixel is written. */
  scale: number;
  fps: number;
  /** Plays again from its start, for ever. */
  loop: boolean;
}

/**
 * An animated GIF, frame by frame, each with a palette of its own. Images of 256 colours or fewer, all grey ones among
 * them, are kept exactly.
 */
export class GifWriter {
  private readonly encoder = GIFEncoder({ auto: false });
  private count = 0;

  constructor(private readonly options: Options) {}

  /** One opaque image, RGBA; returns the bytes that the file grows by. */
  add(rgba: Uint8ClampedArray): Uint8Array<ArrayBuffer> {
    const { resolution, scale, loop } = this.options;
    if (this.count === 0) this.encoder.writeHeader();
    const { palette, indices } = paletted(rgba);
    const side = resolution * scale;
    this.encoder.writeFrame(
      enlarge(indices, { width: resolution, height: resolution, scale, stride: 1 }),
      side,
      side,
      {
        palette,
        first: this.count === 0,
        delay: 10 * this.hundredths(this.count),
        repeat: loop ? 0 : -1,
      },
    );
    this.count++;
    return this.take();
  }

  /** The last bytes of the file. */
  finish(): Uint8Array<ArrayBuffer> {
    this.encoder.finish();
    return this.take();
  }

  /** How long a frame is shown: a GIF counts hundredths of a second, so their rounding is spread over the frames. */
  private hundredths(frame: number): number {
    const at = (n: number) => Math.round((100 * n) / this.options.fps);
    return Math.max(SHORTEST, at(frame + 1) - at(frame));
  }

  private take(): Uint8Array<ArrayBuffer> {
    const bytes = this.encoder.bytes();
    this.encoder.reset();
    return bytes as Uint8Array<ArrayBuffer>;
  }
}

type Palette = [number, number, number][];

/** An image as places in a palette: its own colours where they are few enough, else those that stand for them best. */
function paletted(rgba: Uint8ClampedArray): { palette: Palette; indices: Uint8Array } {
  const exact = ownColours(rgba);
  if (exact) return exact;
  const palette = quantize(rgba, COLOURS, { format: 'rgb565' }) as Palette;
  return { palette, indices: applyPalette(rgba, palette, 'rgb565') };
}

function ownColours(rgba: Uint8ClampedArray): { palette: Palette; indices: Uint8Array } | null {
  const places = new Map<number, number>();
  const indices = new Uint8Array(rgba.length / 4);
  for (let i = 0; i < indices.length; i++) {
    const colour = (rgba[4 * i]! << 16) | (rgba[4 * i + 1]! << 8) | rgba[4 * i + 2]!;
    let place = places.get(colour);
    if (place === undefined) {
      place = places.size;
      if (place === COLOURS) return null;
      places.set(colour, place);
    }
    indices[i] = place;
  }
  return { palette: [...places.keys()].map((c) => [c >> 16, (c >> 8) & 255, c & 255]), indices };
}
