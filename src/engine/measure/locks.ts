import { TabLocks } from '../../storage/tab-locks';

/** Measurements, by what they save. */
export const measureLocks = new TabLocks(
  'innate-measure-',
  'another tab is measuring this',
  'Wait for it, or stop it there',
);
