import { createStore, type StoreApi } from 'zustand/vanilla';
import { savedConfig } from '../../../distil/config';
import type { RunDetail } from '../../../protocol/runs';
import type { Placed } from '../parts';
import type { Series, SeriesMember } from './series';

export interface SeriesState {
  /** The newest series, over or not; null where there is none. */
  series: Series | null;
  /** The series in view: it may be an older one, of which only its runs are left. */
  shown: string | null;
  /** Saved runs of the series in view, with their curves. */
  details: readonly RunDetail[];
  error: string | null;
  /** What the chosen teacher's parameters are; null until they are here. */
  parts: { teacher: string; all: readonly Placed[] } | null;
  partsError: string | null;
  /** Choices of frozen layers collected for the next series. */
  tries: readonly SeriesMember[];
}

export type SeriesStore = StoreApi<SeriesState>;

type KeyValue = Pick<Storage, 'getItem' | 'setItem'>;

/** Where the browser keeps the newest series: the runs still to come outlive the tab. */
const KEY = 'innate.series';

/** Storage may be forbidden or full: the series then lasts as long as the page. */
export function createSeriesStore(storage: KeyValue | null): SeriesStore {
  const store = createStore<SeriesState>(() => ({
    series: readSeries(storage),
    shown: null,
    details: [],
    error: null,
    parts: null,
    partsError: null,
    tries: [],
  }));
  store.subscribe(({ series }, before) => {
    if (series === before.series) return;
    try {
      storage?.setItem(KEY, JSON.stringify(series));
    } catch {
      // Nothing to do: it is kept for this page.
    }
  });
  return store;
}

/** null where nothing is kept, or what is kept is not a series of this version. */
function readSeries(storage: KeyValue | null): Series | null {
  try {
    const series = JSON.parse(storage?.getItem(KEY) ?? 'null') as Series | null;
    if (series?.version !== 1 || typeof series.id !== 'string' || !Array.isArray(series.runs)) return null;
    const runs = series.runs.map((run) => ({
      ...run,
      request: { ...run.request, config: savedConfig(run.request.config) },
    }));
    if (runs.some((run) => typeof run.label !== 'string' || typeof run.request.about.id !== 'string'))
      return null;
    return { ...series, runs };
  } catch {
    return null;
  }
}
