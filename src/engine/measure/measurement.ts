import { featureShift, featureSpread, frechetDistance, standardError } from '../../measure/frechet';
import { InceptionScore } from '../../measure/inception-score';
import { kernelDistance } from '../../measure/kernel-distance';
import type { FeatureStatistics } from '../../measure/moments';
import { asMany, precisionRecall } from '../../measure/precision-recall';
import type { Metric, MetricKey, MetricName, Metrics } from '../../protocol/measure';
import { rangeCount, type StoreRange, statisticsOf, vectorsOf, within } from './feature-store';

/** Vectors of which all pairs are looked at, on either side: what precision and recall are published for goes to 50,000. */
const MOST_PAIRED = 10_000;

/** Seed sets of the error bars. */
const SEED_SETS = 3;
/** Below so many images a third of them says nothing. */
const LEAST_FOR_ERROR = 32;

/** What generated images are compared with. */
export interface Reference {
  statistics: FeatureStatistics;
  /** The vectors that the statistics are of; null where a file has statistics alone. */
  vectors: StoreRange | null;
  /** Other real images, for the floor. */
  heldOut: StoreRange | null;
  /** In words. */
  words: string;
}

export interface MeasurementHooks {
  breathe?: () => Promise<void>;
  /** Hears what is computed first; the same of parts and of held-out images follows. */
  onWhat?: (what: string) => void;
}

type Values = Partial<Record<MetricKey, number>>;

/** Every number of one range of images; what papers print beside some of them goes to `deviations`. */
async function valuesOf(
  found: StoreRange,
  reference: Reference,
  metrics: readonly MetricName[],
  { breathe, onWhat }: MeasurementHooks,
  deviations: Values = {},
): Promise<Values & { statistics: FeatureStatistics }> {
  const statistics = await statisticsOf(found);
  const out: Values & { statistics: FeatureStatistics } = { statistics };
  await breathe?.();
  if (metrics.includes('fid')) {
    onWhat?.('Fréchet distance');
    out.fid = frechetDistance(statistics, reference.statistics);
  }
  if (reference.vectors && (metrics.includes('kid') || metrics.includes('pr'))) {
    const real = await vectorsOf(reference.vectors, MOST_PAIRED);
    const generated = await vectorsOf(found, MOST_PAIRED);
    if (metrics.includes('kid')) {
      onWhat?.('kernel distance');
      const { value, deviation } = await kernelDistance(real, generated, { ...(breathe && { breathe }) });
      out.kid = value;
      deviations.kid = deviation;
    }
    if (metrics.includes('pr')) {
      onWhat?.('precision and recall');
      const [a, b] = asMany(real, generated, MOST_PAIRED);
      Object.assign(out, await precisionRecall(a, b, { ...(breathe && { breathe }) }));
    }
  }
  if (metrics.includes('is')) {
    const { value, deviation } = await scoreOf(found);
    out.is = value;
    deviations.is = deviation;
  }
  return out;
}

async function scoreOf(range: StoreRange) {
  let score: InceptionScore | null = null;
  const n = rangeCount(range);
  for await (const { features, logits } of within(range)) {
    if (!logits) throw new Error('the logits were not kept');
    score ??= new InceptionScore(n, logits.length / (features.length / range.store.dims));
    score.add(logits);
  }
  return score!.result();
}

export interface Measured {
  metrics: Metrics;
  spread: number;
  shift: number;
}

/**
 * Measures generated images: one set of seeds, whose error bars come from its three thirds, or several sets, whose spread is
 * the error. Of several sets FID is the smallest, as EDM's papers give it, with the mean beside; every other number is the mean.
 */
export async function measureSets(
  sets: readonly StoreRange[],
  reference: Reference,
  metrics: readonly MetricName[],
  hooks: MeasurementHooks = {},
): Promise<Measured> {
  const deviations: Values = {};
  const quiet = hooks.breathe ? { breathe: hooks.breathe } : {};
  const [first, ...others] = sets;
  const whole = await valuesOf(first!, reference, metrics, hooks, deviations);
  const all: Values[] = [whole];
  for (const set of others) all.push(await valuesOf(set, reference, metrics, quiet));
  const parts = others.length > 0 ? all : await thirds(first!, reference, metrics, quiet);
  const floor = reference.heldOut ? await valuesOf(reference.heldOut, reference, metrics, quiet) : null;
  const entry = (key: MetricKey): Metric | null => {
    const values = all.map((v) => v[key]).filter((v) => v !== undefined);
    if (values.length === 0) return null;
    const mean = values.reduce((a, b) => a + b, 0) / values.length;
    const smallest = key === 'fid' && values.length > 1;
    return {
      value: smallest ? Math.min(...values) : mean,
      error: parts ? standardError(parts.map((v) => v[key]!)) : null,
      floor: floor?.[key] ?? null,
      ...(deviations[key] !== undefined && { deviation: deviations[key] }),
      ...(values.length > 1 && { sets: values }),
      ...(smallest && { mean }),
    };
  };
  const found = (['fid', 'kid', 'is', 'precision', 'recall'] as const).flatMap((key) => {
    const metric = entry(key);
    return metric ? [[key, metric] as const] : [];
  });
  return {
    metrics: Object.fromEntries(found),
    spread: featureSpread(whole.statistics, reference.statistics),
    shift: featureShift(whole.statistics, reference.statistics),
  };
}

/** The same numbers of three disjoint sets of the seeds; null where they would be too small. */
async function thirds(
  range: StoreRange,
  reference: Reference,
  metrics: readonly MetricName[],
  hooks: MeasurementHooks,
): Promise<Values[] | null> {
  const n = rangeCount(range);
  if (n < LEAST_FOR_ERROR) return null;
  const out: Values[] = [];
  for (let k = 0; k < SEED_SETS; k++) {
    const [from, to] = [k, k + 1].map((i) => range.from + Math.floor((i * n) / SEED_SETS));
    out.push(await valuesOf({ ...range, from: from!, to: to! }, reference, metrics, hooks));
  }
  return out;
}
