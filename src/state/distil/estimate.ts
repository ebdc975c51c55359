import { asInnateError } from '../../lib/errors';
import type { EngineClient } from '../../protocol/client';
import type { Stores } from '../app-state';
import { settledSetup } from './settings';
import { distilRequest, estimateKey } from './setup';
import { type EstimateState, isUnderWay } from './store';

interface EstimatorOptions {
  client: Pick<EngineClient, 'estimate'>;
  stores: Pick<Stores, 'distil' | 'engine' | 'catalogue' | 'rows'>;
}

/** Measures a step of the run as it is set, one estimate at a time and none beside a run. */
export async function estimateRun({ client, stores }: EstimatorOptions): Promise<void> {
  const { distil, engine } = stores;
  const settled = settledSetup(stores);
  const request = distilRequest(settled, { id: 'estimate', number: 0 });
  const { run, estimate } = distil.getState();
  if (!request || isUnderWay(run) || (estimate && !estimate.value && !estimate.error)) return;
  const key = estimateKey(settled, engine.getState().status?.backend ?? null);
  const settle = (change: Partial<EstimateState>) => {
    if (distil.getState().estimate?.key === key)
      distil.setState({ estimate: { key, value: null, error: null, ...change } });
  };
  distil.setState({ estimate: { key, value: null, error: null } });
  await client.estimate(request).then(
    (value) => settle({ value }),
    (error) => settle({ error: asInnateError(error, 'backend').describe() }),
  );
}
