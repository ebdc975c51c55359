/** Steps that the pace looks back on. */
const WINDOW = 20;

/**
 * Images a second by the clock: what a person waits for, samples and measurements included, pauses left out. The
 * first step after a start compiles shaders and does not count.
 */
export class Pace {
  private intervals: { seconds: number; images: number; beside: number }[] = [];
  private last: { ms: number; images: number } | null = null;
  private warm = false;

  /** Call after each step; `known`: seconds of it that the engine accounts for. */
  step(ms: number, images: number, known = 0): void {
    if (this.last && this.warm) {
      const seconds = (ms - this.last.ms) / 1000;
      const beside = Math.max(0, seconds - known);
      this.intervals.push({ seconds, images: images - this.last.images, beside });
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

  /**
   * Seconds a step that go into what the engine does not account for: saves, images for the other tabs. The middle of
   * what was seen: what is done once for the whole run is no measure.
   */
  get beside(): number {
    const sorted = this.intervals.map((i) => i.beside).sort((a, b) => a - b);
    return sorted[sorted.length >> 1] ?? 0;
  }

  get value(): number | null {
    const seconds = this.intervals.reduce((sum, i) => sum + i.seconds, 0);
    return seconds > 0 ? this.intervals.reduce((sum, i) => sum + i.images, 0) / seconds : null;
  }
}
