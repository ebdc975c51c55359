import { InnateError } from '../lib/errors';
import { draw, shuffled } from './shuffle';
import { allUnreadable } from './skipped';
import type { Dataset } from './types';

export interface Batch {
  /** [count, channels, resolution, resolution], -1 to 1. */
  readonly images: Float32Array;
  readonly shape: readonly [number, number, number, number];
  /** Class of each image, -1 for none; null for an unlabelled set. */
  readonly labels: Int32Array | null;
  /** Place in the data set of each image. */
  readonly indices: Int32Array;
}

export interface SamplerOptions {
  readonly seed: number;
  /** Images drawn so far, unreadable ones included: what a saved run goes on from. */
  readonly position?: number;
  /** Images come in an order of their own every epoch; in the data set's when false. */
  readonly shuffle?: boolean;
  /** Each image is mirrored left to right with a chance of one half, drawn anew every epoch. */
  readonly xflip?: boolean;
}

const FLIP = 1;
/** Bytes to the values that networks take, x / 127.5 - 1. */
const VALUES = Float32Array.from({ length: 256 }, (_, x) => x / 127.5 - 1);

/**
 * Endless batches, each epoch in an order of its own. What comes at a position depends on seed and position alone:
 * {seed, position} is the whole state. Unreadable images are passed over.
 */
export class BatchSampler {
  readonly seed: number;
  private at: number;
  private readonly shuffle: boolean;
  private readonly xflip: boolean;

  constructor(
    private readonly dataset: Dataset,
    { seed, position = 0, shuffle = true, xflip = false }: SamplerOptions,
  ) {
    for (const [name, value] of Object.entries({ seed, position }))
      if (!Number.isSafeInteger(value) || value < 0)
        throw new InnateError('bad-argument', `not a ${name}`, {
          expected: 'a whole number',
          found: String(value),
        });
    this.seed = seed;
    this.at = position;
    this.shuffle = shuffle;
    this.xflip = xflip;
  }

  get position(): number {
    return this.at;
  }

  /** Whole passes over the data set so far. */
  get epoch(): number {
    return Math.floor(this.at / this.dataset.size);
  }

  get state(): { seed: number; position: number } {
    return { seed: this.seed, position: this.at };
  }

  /** The next `count` images. One caller at a time. */
  async next(count: number): Promise<Batch> {
    if (!Number.isSafeInteger(count) || count < 1)
      throw new InnateError('bad-argument', 'not a batch size', { found: String(count) });
    const { dataset } = this;
    const { size, channels, resolution } = dataset;
    const length = channels * resolution * resolution;
    const images = new Float32Array(count * length);
    const indices = new Int32Array(count);
    const labels = dataset.labelDim > 0 ? new Int32Array(count).fill(-1) : null;
    // Moved at the end: a batch that fails can be asked for again.
    let at = this.at;
    let misses = 0;
    for (let n = 0; n < count; at++) {
      const epoch = Math.floor(at / size);
      const place = at % size;
      const index = this.shuffle ? shuffled(place, size, this.seed, epoch) : place;
      const sample = await dataset.read(index);
      if (!sample) {
        if (++misses >= size) throw allUnreadable(dataset);
        continue;
      }
      misses = 0;
      const flip = this.xflip && (draw(this.seed, FLIP, at, Math.floor(at / 2 ** 32)) & 1) === 1;
      toFloats(sample.pixels, images.subarray(n * length, (n + 1) * length), flip ? resolution : 0);
      indices[n] = index;
      if (labels && sample.label !== null) labels[n] = sample.label;
      n++;
    }
    this.at = at;
    return { images, shape: [count, channels, resolution, resolution], labels, indices };
  }
}

/** Mirrors rows of `width` pixels; none when 0. */
function toFloats(pixels: Uint8Array, out: Float32Array, width: number): void {
  if (width === 0) {
    for (let i = 0; i < out.length; i++) out[i] = VALUES[pixels[i]!]!;
    return;
  }
  for (let row = 0; row < out.length; row += width)
    for (let x = 0; x < width; x++) out[row + x] = VALUES[pixels[row + width - 1 - x]!]!;
}
