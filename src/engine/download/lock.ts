import { InnateError } from '../../lib/errors';

const PREFIX = 'innate-download-';

/** Runs `task` while no other tab is at this download. Where the browser has no locks, the files' own have to do. */
export async function withDownloadLock<T>(id: string, task: () => Promise<T>): Promise<T> {
  if (!navigator.locks) return task();
  return navigator.locks.request(PREFIX + id, { ifAvailable: true }, async (lock) => {
    if (lock) return task();
    throw new InnateError('refused', 'another tab is at this download', {
      hint: 'Cancel it there, or close that tab first',
    });
  });
}

/** Ids of the downloads that some tab is at. */
export async function heldDownloads(): Promise<Set<string>> {
  if (!navigator.locks) return new Set();
  const { held = [] } = await navigator.locks.query();
  return new Set(held.flatMap(({ name }) => (name?.startsWith(PREFIX) ? [name.slice(PREFIX.length)] : [])));
}
