import {
  type FeatureStore,
  rangeCount,
  type StoreRange,
  statisticsOf,
  within,
} from '../src/engine/measure/feature-store';
import type { Reference } from '../src/engine/measure/measurement';
import type { ArrayData } from '../src/formats/npy';
import { type ArrayStream, npzPieces } from '../src/formats/npz';
import { type Metric, type MetricKey, type Metrics, metricLabel } from '../src/protocol/measure';
import { writeAtomicFrom } from './files';
import type { Subject } from './measure-subject';

/** Digits behind the point: kernel distances are small. */
const digits = (key: MetricKey): number => (key === 'kid' ? 5 : 3);

/** One line a metric: value, error, floor; the means of several sets beside their minimum. */
export const metricLines = (metrics: Metrics, onInception: boolean): string[] =>
  (Object.entries(metrics) as [MetricKey, Metric][]).map(([key, metric]) => {
    const show = (value: number) => value.toFixed(digits(key));
    const { value, error, floor, mean, deviation } = metric;
    return [
      `${metricLabel(key, onInception)} ${show(value)}`,
      error === null ? '' : ` ± ${show(error)}`,
      mean === undefined ? '' : `, mean of ${metric.sets!.length} sets ${show(mean)}`,
      floor === null ? '' : `, held-out real images ${show(floor)}`,
      deviation === undefined ? '' : ` (standard deviation ${show(deviation)})`,
    ].join('');
  });

/**
 * --save-features: the vectors `features` [n, dims], their `mu` and `sigma` in float64 (so that the file is a --data of others),
 * the real images' `reference` [m, dims], and the seeds.
 */
export async function savedFeatures(
  path: string,
  store: FeatureStore,
  reference: Reference,
  subject: Subject,
): Promise<void> {
  const all = { store, from: 0, to: store.count };
  const { mean, covariance } = await statisticsOf(all);
  const { dims } = store;
  const arrays: [string, ArrayData | ArrayStream][] = [
    ['features', vectorStream(all)],
    ['mu', { dtype: 'f64', shape: [dims], data: mean }],
    ['sigma', { dtype: 'f64', shape: [dims, dims], data: covariance }],
  ];
  if (reference.vectors) arrays.push(['reference', vectorStream(reference.vectors)]);
  if (!subject.set) {
    const seeds = BigInt64Array.from({ length: store.count }, (_, i) => BigInt(i));
    arrays.push(['seeds', { dtype: 'i64', shape: [store.count], data: seeds }]);
  }
  await writeAtomicFrom(path, async (output) => {
    for await (const piece of npzPieces(arrays)) await output.write(piece);
  });
}

/** Vectors on their way from one file into another: 50,000 of Inception are 400 MB. */
const vectorStream = (range: StoreRange): ArrayStream => ({
  shape: [rangeCount(range), range.store.dims],
  pieces: featuresOf(range),
});

async function* featuresOf(range: StoreRange): AsyncGenerator<Float32Array> {
  for await (const { features } of within(range)) yield features;
}
