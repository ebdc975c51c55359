import type { SamplerName } from '../lib/sampling';
import type { DataRef, ModelRef } from './models';

/** What images are turned into before they are compared. Inception's weights are a file of the person's. */
export const MEASURE_FEATURES = ['inception', 'resnet56', 'lite0', 'mobilenet'] as const;
export type MeasureFeatures = (typeof MEASURE_FEATURES)[number];

/** Names of the metrics a person asks for; 'pr' is precision and recall. */
export const METRIC_NAMES = ['fid', 'kid', 'is', 'pr'] as const;
export type MetricName = (typeof METRIC_NAMES)[number];

/** The keys of results; they stay whatever the features are. */
export type MetricKey = 'fid' | 'kid' | 'is' | 'precision' | 'recall';

export interface Metric {
  value: number;
  /** Standard error over three seed sets; null where there are too few images. */
  error: number | null;
  /** The same number of held-out real images; null where there are none. */
  floor: number | null;
  /** What papers print behind a plus-minus: over subsets for KID, over parts for the Inception score. */
  deviation?: number;
  /** Of several sets of seeds: each one's value, whose minimum is `value` for FID and whose mean it is otherwise. */
  sets?: number[];
  /** Mean of `sets`, where `value` is their minimum. */
  mean?: number;
}

export type Metrics = Partial<Record<MetricKey, Metric>>;

/**
 * How many images, of which seeds, with which resize before Inception: 'edm' as the papers of the EDM family do (three times
 * 50,000), 'quick' 5,000 of them, 'pytorch-fid' with that program's resize; null: as many as are asked for.
 */
export const MEASURE_PROTOCOLS = ['edm', 'quick', 'pytorch-fid'] as const;
export type MeasureProtocol = (typeof MEASURE_PROTOCOLS)[number];

/** What was found. No number stands without its features, its count and its reference. */
export interface MeasureReport {
  /** The feature network, in words. */
  features: string;
  /** Its numbers are called FID and KID there alone. */
  onInception: boolean;
  /** Images generated for each value. */
  n: number;
  reference: string;
  protocol: MeasureProtocol | null;
  metrics: Metrics;
  /** Total variance of the features beside real images'; their means' distance (see measure/frechet.ts). */
  spread: number;
  shift: number;
  /** Real images that were read. */
  read: number;
}

export interface MeasureRequest {
  model: ModelRef;
  data: DataRef;
  features: MeasureFeatures;
  /** Inception's weights. */
  inception: File | null;
  /** Images generated, and held-out real ones for the floor. */
  count: number;
  sampler: SamplerName;
  steps: number;
}

export interface MeasureResult extends MeasureReport {
  nfe: number;
  /** Images of the set that could not be read, in a sentence; '' where there are none. */
  skipped: string;
}

/** FID and KID are names of numbers on Inception's features alone. */
export const metricLabel = (key: MetricKey, onInception: boolean): string =>
  ({
    fid: onInception ? 'FID' : 'FD',
    kid: onInception ? 'KID' : 'KD',
    is: 'Inception score',
    precision: 'Precision',
    recall: 'Recall',
  })[key];
