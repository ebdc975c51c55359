import { TabLocks } from '../../storage/tab-locks';

/** Downloads, by the id of the model. */
export const downloadLocks = new TabLocks(
  'innate-download-',
  'another tab is at this download',
  'Cancel it there, or close that tab first',
);
