/** What a person does in one go: a drag, a key that is held, a run of arrow keys. It is one step of undo. */

/** Keys that nudge a value: presses of them one after the other are one step. */
const NUDGES = /^(Arrow|Page|Home$|End$|[,.]$)/;

/** Milliseconds between two presses of such keys that are still one step. */
export const NUDGE_MS = 1000;

export class Gestures {
  private number = 0;
  private held = false;
  private nudges = false;
  private last: { gesture: number; nudge: boolean; what: string; at: number } | null = null;

  /** `now`: milliseconds of a clock that never goes back. */
  constructor(private readonly now: () => number) {}

  /** A pointer or a key goes down. */
  press(key: string | null): void {
    this.number++;
    this.held = true;
    this.nudges = key !== null && NUDGES.test(key);
  }

  /** It comes up: what happens from now on is another step, unless another press of a nudging key follows soon. */
  release(): void {
    this.held = false;
  }

  /** Tells that `what` changes now; true where that goes on with the last change. */
  continues(what: string): boolean {
    const { last } = this;
    const now = this.now();
    this.last = { gesture: this.number, nudge: this.nudges, what, at: now };
    if (!last || last.what !== what) return false;
    if (this.held && last.gesture === this.number) return true;
    return this.nudges && last.nudge && now - last.at < NUDGE_MS;
  }

  /** What comes next is a step of its own. */
  interrupt(): void {
    this.last = null;
  }
}
