import * as record from '../record';
import type { CallList, MapAt } from './list';
import { type NormGradient, normGradient } from './norm';

/** What a norm is asked where its gradient is differentiated again. */

/**
 * How a normalised map moves as its source moves along `v`, a map of the source's shape; its own transpose: the gradient of a norm
 * whose scale is 1. Three calls.
 */
export function normTangent(
  list: CallList,
  { source, v, out, ...step }: NormTangent & Pick<NormGradient, 'partials' | 'sums' | 'coefficients'>,
): void {
  normGradient(list, {
    ...step,
    sources: [source],
    dy: v,
    silu: false,
    affine: step.statistics + 4 * source.channels, // whose factors are 1 / deviation
    weight: 0,
    bias: 0,
    parameters: null,
    outs: [out],
  });
}

export interface NormTangent {
  source: MapAt;
  groups: number;
  /** Of the forward pass. */
  statistics: number;
  /** Addresses of maps. */
  v: number;
  out: number;
}

/** Channels of a task. */
const CURVED = 16;

/**
 * What reaches the source of a batch norm through the gradient of it that the norm has from `dy`, of whose result `v` is the
 * gradient: addresses of maps of the source's shape. `weight` and `statistics` as in `norm`.
 */
export function batchNormCurvature(
  list: CallList,
  { source, dy, v, weight, statistics, out }: BatchNormCurvature,
): void {
  list.call(record.BATCH_NORM_CURVATURE, Math.ceil(source.channels / CURVED));
  list.need((8 * 5 + 4 * 4) * CURVED);
  list.put(record.SOURCE0, source.at);
  list.put(record.CHANNELS0, source.channels);
  list.put(record.HEIGHT, source.images * source.height * source.width);
  list.put(record.GRADIENT, dy);
  list.put(record.RESIDUAL, v);
  list.put(record.STATISTICS, statistics);
  list.put(record.WEIGHTS, weight);
  list.put(record.OUT, out);
}

export interface BatchNormCurvature extends Omit<NormTangent, 'groups'> {
  dy: number;
  weight: number;
}
