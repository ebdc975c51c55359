import { InnateError } from '../../lib/errors';

/** A lock of the browser's across tabs: it goes with the tab that holds it, however that ends. */
const lockName = (run: string): string => `innate-run-${run}`;

/** Runs `task` while no other tab has this run. Where the browser has no locks, the files' own have to do. */
export async function withRunLock<T>(run: string, task: () => Promise<T>): Promise<T> {
  if (!navigator.locks) return task();
  return navigator.locks.request(lockName(run), { ifAvailable: true }, async (lock) => {
    if (lock) return task();
    throw new InnateError('refused', 'this run is under way in another tab', {
      hint: 'Go on with it there, or close that tab first',
    });
  });
}

/** Ids of the runs that some tab holds; null where the browser has no locks and cannot say. */
export async function heldRuns(): Promise<Set<string> | null> {
  if (!navigator.locks) return null;
  const prefix = lockName('');
  const { held = [] } = await navigator.locks.query();
  return new Set(held.flatMap(({ name }) => (name?.startsWith(prefix) ? [name.slice(prefix.length)] : [])));
}
