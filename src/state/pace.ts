/** Steps that the pace looks back on. */
const WINDOW = 20;

/**
 * Images a second by the clock: what a person waits for, samples and measurements included, pauses left out. The
 * first step after a start compiles shaders and does not count.
 */
export class Pace {
  private intervals: { seconds: number; images: number }[] = [];
  private last: { ms: number; images: number } | null = null;
  private warm = false;

  /** Call after each step. */
  step(ms: number, images: number): void {
    if (this.last && this.warm) {
      this.intervals.push({ seconds: (ms - this.last.ms) / 1000, images: images - this.last.images });
      if (this.intervals.length > WINDOW) this.intervals.shift();
    }
    this.warm = true;
    this.last = { ms, images };
  }

  /** Time goes on but work does not: the next interval starts with `resume`. */
  pause(): void {
    this.last = null;
  }

  resume(ms: number, images: number): void {
    this.last = { ms, images };
  }

  get value(): number | null {
    const seconds = this.intervals.reduce((sum, i) => sum + i.seconds, 0);
    return seconds > 0 ? this.intervals.reduce((sum, i) => sum + i.images, 0) / seconds : null;
  }
}
