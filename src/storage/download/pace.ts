/** The rate of the last so many milliseconds is shown. */
const WINDOW_MS = 8000;
/** No rate is shown before. */
const ENOUGH_MS = 1500;
const STEP_MS = 250;

/** How fast bytes come: their mean over the last seconds, standstills included. */
export class Pace {
  private marks: { time: number; done: number }[] = [];

  /** Told of the bytes so far; `time` in milliseconds. */
  tell(done: number, time: number): void {
    const last = this.marks.at(-1);
    if (last && time - last.time < STEP_MS) return;
    this.marks.push({ time, done });
    while (this.marks.length > 2 && time - this.marks[1]!.time >= WINDOW_MS) this.marks.shift();
  }

  /** Bytes a second; null before enough is known. */
  rate(done: number, time: number): number | null {
    const [first] = this.marks;
    if (!first || time - first.time < ENOUGH_MS) return null;
    return ((done - first.done) / (time - first.time)) * 1000;
  }

  /** The next bytes come over another connection. */
  restart(): void {
    this.marks = [];
  }
}

/** Seconds that the rest takes at that rate; null where it cannot be said. */
export function secondsLeft(done: number, total: number | null, rate: number | null): number | null {
  return total === null || rate === null || rate <= 0 ? null : Math.max(0, total - done) / rate;
}
