import { createStore, type StoreApi } from 'zustand/vanilla';
import { asInnateError } from '../lib/errors';
import { defaultSteps } from '../lib/sampling';
import type { EngineClient } from '../protocol/client';
import type { MeasureRequest, MeasureResult } from '../protocol/measure';
import type { DataRef, Progress } from '../protocol/models';
import type { ModelFacts } from './models';

/** Measured on this page, by model key. A number stands with its features, n, reference and floor, or not at all. */
export interface MeasureState {
  results: Readonly<Record<string, readonly MeasureResult[]>>;
  /** One at a time. */
  work: { key: string; progress: Progress | null } | null;
  error: { key: string; line: string } | null;
}

export type MeasureStore = StoreApi<MeasureState>;
export const createMeasureStore = (): MeasureStore =>
  createStore(() => ({ results: {}, work: null, error: null }));

/** How many images, made how, and what they are compared by. */
export type MeasuredHow = Pick<MeasureRequest, 'count' | 'sampler' | 'features' | 'inception'>;

export interface MeasureController {
  measure(model: ModelFacts, data: DataRef, how: MeasuredHow): Promise<void>;
  cancelMeasure(): void;
}

export function createMeasureController(
  client: Pick<EngineClient, 'measure'>,
  store: MeasureStore,
): MeasureController {
  let abort: AbortController | null = null;
  return {
    async measure({ key, ref, resolution }, data, how) {
      if (store.getState().work) return;
      abort = new AbortController();
      store.setState({ work: { key, progress: null }, error: null });
      const request = { model: ref, data, ...how, steps: defaultSteps(resolution) };
      try {
        const result = await client.measure(request, {
          signal: abort.signal,
          onProgress: (progress) => store.setState({ work: { key, progress } }),
        });
        store.setState(({ results }) => ({
          results: { ...results, [key]: [result, ...(results[key] ?? [])] },
          work: null,
        }));
      } catch (error) {
        const known = asInnateError(error, 'backend');
        store.setState({
          work: null,
          error: known.code === 'cancelled' ? null : { key, line: known.describe() },
        });
      }
    },
    cancelMeasure: () => abort?.abort(),
  };
}
