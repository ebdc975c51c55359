/** How far work of one kind is. */
interface Done {
  /** What is being done: its rate begins anew with another. */
  what: string;
  done: number;
  /** null where nobody knows. */
  total: number | null;
}

/** Reckons how long work will take from the rate since its kind began: what was there before it says nothing. */
export class TimeLeft {
  private since: { what: string; at: number; done: number } | null = null;

  /** `now`: milliseconds. */
  constructor(private readonly now: () => number) {}

  /** Seconds; null as long as nothing says so. */
  of({ what, done, total }: Done): number | null {
    if (this.since?.what !== what || done < this.since.done) this.since = { what, at: this.now(), done };
    const made = done - this.since.done;
    if (made <= 0 || total === null || total <= 0) return null;
    return ((this.now() - this.since.at) / 1000) * ((total - done) / made);
  }
}
