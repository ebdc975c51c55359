/**
 * Who goes first on the back-end: looks, which a person waits for, before the measurement of a map. From its arrival
 * until it is answered a look keeps measurements from beginning another step.
 */
export class Precedence {
  private looking = 0;
  private readonly waiting: (() => void)[] = [];

  /** Runs a look's task ahead of measurements. */
  async ahead<T>(task: () => Promise<T>): Promise<T> {
    this.looking++;
    try {
      return await task();
    } finally {
      if (--this.looking === 0) for (const go of this.waiting.splice(0)) go();
    }
  }

  get taken(): boolean {
    return this.looking > 0;
  }

  /** Resolves when no look is under way. */
  async free(): Promise<void> {
    while (this.taken) await new Promise<void>((resolve) => this.waiting.push(resolve));
  }
}
