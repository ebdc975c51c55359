import { createStore, type StoreApi } from 'zustand/vanilla';
import type { MeasureRequest, MeasureResult } from '../../protocol/measure';
import type { ModelRef, Progress } from '../../protocol/models';

/** How many images, made how, and what they are compared by. */
export type MeasuredHow = Pick<MeasureRequest, 'protocol' | 'count' | 'sampler' | 'steps' | 'features'>;

/** A result, with what was measured and when. */
export interface KeptResult extends MeasureResult {
  how: MeasuredHow;
  /** Milliseconds since 1970. */
  at: number;
}

/** A measurement that has begun and not ended: what is saved of it lies under its id. */
export interface PendingMeasure {
  id: string;
  key: string;
  name: string;
  ref: ModelRef;
  how: MeasuredHow;
  /** A sample pack; of a person's own images their name alone, since a page cannot keep a file by itself. */
  data: { pack: string | null; name: string };
  /** Images of all sets together that were measured so far. */
  done: number;
}

export interface MeasureWork {
  key: string;
  progress: Progress | null;
}

/** What was measured, by model key. A number stands with its features, n, reference and floor, or not at all. */
export interface MeasureState {
  results: Readonly<Record<string, readonly KeptResult[]>>;
  pending: PendingMeasure | null;
  /** One at a time. */
  work: MeasureWork | null;
  error: { key: string; line: string } | null;
  /** Key of the model whose numbers are in view; null where the list of models is. */
  shown: string | null;
}

export type MeasureStore = StoreApi<MeasureState>;
type KeyValue = Pick<Storage, 'getItem' | 'setItem'>;

/** Where the browser keeps results, and what was asked for. */
const KEY = 'innate.measured';
/** Results of one model that are kept. */
const MOST = 20;

type Saved = Pick<MeasureState, 'results' | 'pending'>;

/** Storage may be forbidden or full: results then last as long as the page. */
export function createMeasureStore(storage: KeyValue | null): MeasureStore {
  const store = createStore<MeasureState>(() => ({ ...read(storage), work: null, error: null, shown: null }));
  store.subscribe(({ results, pending }, before) => {
    if (results === before.results && pending === before.pending) return;
    try {
      storage?.setItem(KEY, JSON.stringify({ version: 1, results, pending }));
    } catch {
      // Nothing to do: they are kept for this page.
    }
  });
  return store;
}

/** Nothing where nothing is kept, or what is kept is not of this version. */
function read(storage: KeyValue | null): Saved {
  try {
    const saved = JSON.parse(storage?.getItem(KEY) ?? 'null') as (Saved & { version: number }) | null;
    if (saved?.version !== 1) return { results: {}, pending: null };
    const lists = Object.entries(saved.results).map(([key, list]) => [key, list.filter(isResult)] as const);
    const pending = typeof saved.pending?.id === 'string' && saved.pending.how ? saved.pending : null;
    return { results: Object.fromEntries(lists), pending };
  } catch {
    return { results: {}, pending: null };
  }
}

const isResult = (result: Partial<KeptResult> | null): boolean =>
  typeof result?.n === 'number' && typeof result.features === 'string' && !!result.metrics && !!result.how;

/** The newest first. */
export function addResult(store: MeasureStore, key: string, result: KeptResult): void {
  store.setState(({ results }) => ({
    results: { ...results, [key]: [result, ...(results[key] ?? [])].slice(0, MOST) },
  }));
}
