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

/** Inception's weights: a file that a person opened, or the copy that this browser keeps of one. */
export type InceptionSource = File | 'kept';

/** What a model is measured against: images, or the mean and covariance of their features in a person's .npz. */
export type MeasureReal = DataRef | { kind: 'statistics'; file: File; name: string };

export interface MeasureRequest {
  /** Names what is saved on the way: a request of the same name goes on where the other stopped. */
  id: string;
  model: ModelRef;
  /** null where a measurement goes on that has all features of its real images. */
  data: MeasureReal | null;
  features: MeasureFeatures;
  inception: InceptionSource | null;
  protocol: MeasureProtocol | null;
  /** Images of each set of seeds, and at most as many held-out real ones for the floor. */
  count: number;
  sampler: SamplerName;
  steps: number;
}

export interface MeasureResult extends MeasureReport {
  nfe: number;
  /** Images of the set that could not be read, in a sentence; '' where there are none. */
  skipped: string;
}

/** How many sets of seeds, of how many images each, a protocol asks for. `count`: where it says none. */
export const setsOf = (protocol: MeasureProtocol | null, count: number): { perSet: number; sets: number } =>
  protocol === 'edm' ? { perSet: 50_000, sets: 3 } : { perSet: protocol === 'quick' ? 5000 : count, sets: 1 };

/** Where nearest training images are looked for. */
export type NearestSpace = MeasureFeatures | 'pixels';

/** One image of the page, or `count` seeds of a model, the first of them `first`. */
export type NearestOf =
  | { kind: 'image'; pixels: Uint8ClampedArray; resolution: number }
  | { kind: 'seeds'; first: number; count: number; sampler: SamplerName; steps: number };

export interface NearestRequest {
  model: ModelRef;
  data: DataRef;
  space: NearestSpace;
  inception: InceptionSource | null;
  of: NearestOf;
  /** Images that are shown with their nearest ones, the closest first. */
  shown: number;
}

/** RGBA of one image. */
export type Rgba = Uint8ClampedArray<ArrayBuffer>;

export interface NearestImage {
  /** null of an image that the page sent. */
  seed: number | null;
  /** null of an image that the page sent. */
  pixels: Rgba | null;
  /** Shares of held-out real images that are nearer, and that are nearer in relation to their next neighbours. */
  quantile: number;
  ratioQuantile: number;
  /** What pixels say beside features: the nearest training image there, and the same two shares; null where pixels are the space. */
  inPixels: { index: number; quantile: number; ratioQuantile: number } | null;
  suspect: boolean;
  /** The nearest first. */
  near: { index: number; distance: number; pixels: Rgba }[];
}

export interface NearestResult {
  images: NearestImage[];
  resolution: number;
  /** Distances to the nearest training image: of every generated image, and of held-out real ones, both ascending. */
  made: Float64Array;
  real: Float64Array;
  suspects: number;
  /** More suspects than chance makes. */
  copying: boolean;
  searched: number;
  /** The search alone. */
  seconds: number;
  /** In words. */
  space: string;
  data: string;
}

/** What measuring keeps in this browser. */
export type MeasureFilesCall =
  | { do: 'list' }
  | { do: 'keep-inception'; file: File }
  | { do: 'drop-inception' }
  | { do: 'drop-features' }
  | { do: 'drop-run'; id: string };

export interface MeasureFiles {
  /** Bytes of the Inception file; null where none is kept. */
  inception: number | null;
  /** Bytes of features of training sets, which serve the next search. */
  features: number;
  /** Bytes of measurements that have not ended. */
  runs: number;
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
