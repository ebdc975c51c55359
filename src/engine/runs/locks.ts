import { TabLocks } from '../../storage/tab-locks';

/** Runs of the Distil tab, by id. */
export const runLocks = new TabLocks(
  'innate-run-',
  'this run is under way in another tab',
  'Go on with it there, or close that tab first',
);
