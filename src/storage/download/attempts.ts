/** No answer came: no connection, or a browser that may not read the answer. It does not say which. */
export class NoAnswer extends Error {}

/** The host answered that it cannot now. */
export class HostFailed extends Error {
  constructor(
    readonly status: number,
    /** Milliseconds after which the host wants to be asked again; null where it does not say. */
    readonly after: number | null,
  ) {
    super(`HTTP ${status}`);
  }
}

/** The connection ended before the file did, or brought nothing for too long. */
export class Broken extends Error {
  constructor(options?: ErrorOptions) {
    super('the connection broke', options);
  }
}

/** What another attempt may mend. */
export const mayMend = (error: unknown): boolean =>
  error instanceof NoAnswer || error instanceof HostFailed || error instanceof Broken;

/** Milliseconds before each further attempt; attempts that bring bytes begin anew. */
const WAITS_MS = [1000, 2000, 4000, 8000, 16_000, 30_000];
/** A host that never answered is asked once more only: it is likely to be blocked, and a person waits. */
const FIRST_WAITS_MS = [1500];
const LONGEST_MS = 120_000;

/** How long to wait after each failure. */
export class BackOff {
  private failures = 0;
  private done = 0;

  /**
   * Milliseconds to wait after that error with so many bytes there; null to give up. `known`: whether the host has ever
   * answered.
   */
  after(error: unknown, done: number, known: boolean): number | null {
    if (done > this.done) this.failures = 0;
    this.done = done;
    const failed = error instanceof HostFailed;
    const wait = (known || failed ? WAITS_MS : FIRST_WAITS_MS)[this.failures++] ?? null;
    const asked = failed ? (error.after ?? 0) : 0;
    return wait === null || asked > LONGEST_MS ? null : Math.max(wait, asked);
  }
}
