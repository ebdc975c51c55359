import type { DistilRunState } from './store';

/** A run that was just asked for: nothing is known of it yet. */
export const newRun = ({
  about,
  config,
  ...request
}: Pick<DistilRunState, 'about' | 'config'> & DistilRunState['request']): DistilRunState => ({
  about,
  config,
  request,
  phase: 'preparing',
  asked: null,
  preparing: null,
  plan: null,
  history: { points: [], snapshots: [] },
  version: 0,
  pace: null,
  beside: 0,
  error: null,
  wayBack: null,
  notices: {},
  saved: null,
  thinned: false,
  memoryBytes: null,
  peakBytes: null,
  ended: false,
  interrupted: false,
  result: null,
  distances: [],
});
