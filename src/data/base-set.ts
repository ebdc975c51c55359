import { InnateError } from '../lib/errors';
import { ImageCache } from './cache';
import { DRAW_SEED } from './draw';
import { fitPicture } from './image/fit';
import type { Labels } from './labels';
import type { Shape } from './options';
import { shuffled } from './shuffle';
import type { Dataset, Picture, PictureSize, Sample, Skipped } from './types';

/** So many unreadable images, the first ones and others, and the set is not one of images. */
const PROBES = 1000;
const HEAD = 100;

/** Sizes that are counted; photographs may all differ. */
const MOST_SIZES = 10_000;

/** A reason is shown in a list: one short line. */
const MAX_REASON = 200;

/** What all data sets do the same: fitting, labels, the cache, and the list of what could not be read. */
export abstract class BaseSet implements Dataset {
  abstract readonly size: number;
  resolution = 0;
  readonly notes: string[] = [];
  channels = 0;
  private shape: Shape | null = null;
  private cache: ImageCache | null = null;
  private readonly failed = new Map<number, Skipped>();
  private readonly succeeded = new Set<number>();
  private readonly found = new Map<string, { width: number; height: number; count: number }>();

  constructor(
    readonly name: string,
    private readonly labels: Labels,
  ) {}

  /** Image i as it is stored. Throws an InnateError when it cannot be read. */
  protected abstract picture(i: number): Promise<Picture>;
  protected abstract nameOf(i: number): string;

  get labelDim(): number {
    return this.labels.labelDim;
  }

  get classes(): readonly string[] | null {
    return this.labels.classes;
  }

  get imagesRead(): number {
    return this.succeeded.size;
  }

  get sizes(): readonly PictureSize[] {
    return [...this.found.values()].sort((a, b) => b.count - a.count);
  }

  get skipped(): readonly Skipped[] {
    return [...this.failed.values()];
  }

  label(i: number): number | null {
    this.checkIndex(i);
    return this.labels.of(i);
  }

  /** Settles what images are fitted to; the set reads nothing before. */
  configure(shape: Shape, cacheBytes: number): void {
    this.shape = shape;
    this.resolution = shape.resolution;
    this.channels = shape.channels;
    this.cache = cacheBytes > 0 ? new ImageCache(cacheBytes) : null;
  }

  /**
   * The first image that can be read: among the first few, then among some that are drawn from the whole set at random
   * (one folder may be damaged and the next be whole).
   */
  async probe(): Promise<Picture | null> {
    for (let i = 0; i < Math.min(PROBES, this.size); i++) {
      const picture = await this.attempt(i < HEAD ? i : shuffled(i, this.size, DRAW_SEED, 0));
      if (picture) return picture;
    }
    return null;
  }

  async read(i: number): Promise<Sample | null> {
    this.checkIndex(i);
    const { shape } = this;
    if (!shape) throw new Error('configure() comes first');
    let pixels = this.cache?.get(i);
    if (!pixels) {
      const picture = await this.attempt(i);
      if (!picture) return null;
      pixels = fitPicture(picture, shape.channels, shape.resolution, shape.filter);
      this.cache?.put(i, pixels);
    }
    return { pixels, label: this.labels.of(i) };
  }

  private async attempt(i: number): Promise<Picture | null> {
    if (this.failed.has(i)) return null;
    try {
      const picture = await this.picture(i);
      this.note(i, picture);
      return picture;
    } catch (error) {
      // What is wrong with the machine, or with this code, is not the image's fault.
      if (!(error instanceof InnateError) || error.code === 'backend' || error.code === 'cancelled')
        throw error;
      this.failed.set(i, { name: this.nameOf(i), reason: reason(error) });
      return null;
    }
  }

  private note(i: number, { width, height }: Picture): void {
    if (this.succeeded.has(i)) return;
    this.succeeded.add(i);
    const key = `${width}x${height}`;
    const known = this.found.get(key);
    if (known) known.count++;
    else if (this.found.size < MOST_SIZES) this.found.set(key, { width, height, count: 1 });
  }

  private checkIndex(i: number): void {
    if (Number.isSafeInteger(i) && i >= 0 && i < this.size) return;
    throw new InnateError('bad-argument', 'no image of this index', {
      where: this.name,
      expected: `0 to ${this.size - 1}`,
      found: String(i),
    });
  }
}

/** The error in one line, without the name, which stands beside it. */
function reason({ code, message, detail: { expected, found } }: InnateError): string {
  return new InnateError(code, message, { expected, found }).describe().slice(0, MAX_REASON);
}
