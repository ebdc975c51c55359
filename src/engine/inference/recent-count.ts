/** Counts what happens, each time for so long. */
export class RecentCount {
  private times: number[] = [];

  constructor(
    /** Milliseconds after which one is forgotten. */
    private readonly span: number,
    private readonly now: () => number,
  ) {}

  /** Counts one more; returns how many there were within the span, this one included. */
  add(): number {
    const now = this.now();
    this.times = [...this.times.filter((time) => now - time < this.span), now];
    return this.times.length;
  }

  clear(): void {
    this.times = [];
  }
}
