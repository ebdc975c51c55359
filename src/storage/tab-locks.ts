import { InnateError } from '../lib/errors';

/**
 * Locks of the browser across tabs, a name for each thing: one goes with the tab that holds it, however that ends. Where
 * the browser has none, the files' own locks have to do.
 */
export class TabLocks {
  /** `refusal` is said where another tab holds the thing, `hint` what to do about it. */
  constructor(
    private readonly prefix: string,
    private readonly refusal: string,
    private readonly hint: string,
  ) {}

  /** Runs `task` while no other tab holds this thing; throws `refused` where one does. */
  async hold<T>(name: string, task: () => Promise<T>): Promise<T> {
    if (!navigator.locks) return task();
    return navigator.locks.request(this.prefix + name, { ifAvailable: true }, async (lock) => {
      if (lock) return task();
      throw new InnateError('refused', this.refusal, { hint: this.hint });
    });
  }

  /** Names of the things that some tab holds; null where the browser has no locks and cannot say. */
  async held(): Promise<Set<string> | null> {
    if (!navigator.locks) return null;
    const { prefix } = this;
    const { held = [] } = await navigator.locks.query();
    return new Set(held.flatMap(({ name }) => (name?.startsWith(prefix) ? [name.slice(prefix.length)] : [])));
  }
}
