import * as record from '../record';
import type { CallList, MapAt, VectorAt } from './list';

/**
 * Group normalisation as an affine that the next call applies, and its gradient. Batch norm is a group norm of one channel a
 * group over one "image" that has the rows of all: { ...map, images: 1, height: images * height }, groups = channels.
 */
export interface Norm {
  /** What is normalised: one map, or two joined along channels, without channels that only pad. */
  sources: readonly MapAt[];
  groups: number;
  /** Addresses of scale and shift, [channels] each. */
  weight: number;
  bias: number;
  /** [s, t] of adaptive normalisation, 2 * channels values an image: y (s + 1) + t. */
  modulate?: VectorAt | undefined;
}

/** A norm's chunk of pixels stays in the first-level cache between its two passes. */
const CHUNK_VALUES = 6144;

/** Chunks of an image's pixels; they decide in which order values are added. */
export function normChunks([first, second]: readonly MapAt[]): { chunk: number; chunks: number } {
  const pixels = first!.height * first!.width;
  const chunk = Math.max(8, Math.floor(CHUNK_VALUES / (first!.channels + (second?.channels ?? 0))));
  return { chunk: Math.min(chunk, pixels), chunks: Math.ceil(pixels / chunk) };
}

const channelsOf = (sources: readonly MapAt[]): number => sources.reduce((sum, s) => sum + s.channels, 0);

/** Float32 values of `partials` of a norm or its gradient. */
export const partialValues = (sources: readonly MapAt[]): number =>
  sources[0]!.images * normChunks(sources).chunks * 2 * channelsOf(sources);

export interface NormForward extends Norm {
  eps: number;
  /** Address of `partialValues` values that the call uses. */
  partials: number;
  /** Factor and offset of each channel: [N, 2, channels]. */
  affine: number;
  /** Mean and 1 / standard deviation of each channel's group, for the gradient: [N, 2, channels], or 0. */
  statistics?: number;
}

/** Statistics of a norm as an affine. Two calls. */
export function norm(list: CallList, step: NormForward): void {
  const { sources, groups, modulate } = step;
  const { images } = sources[0]!;
  const { chunk, chunks } = normChunks(sources);
  for (const [kernel, tasks] of [
    [record.NORM_CHUNKS, images * chunks],
    [record.NORM_FINISH, images * groups],
  ] as const) {
    list.call(kernel, tasks);
    list.sources(sources);
    list.put(record.PARTIALS, step.partials);
    list.put(record.CHUNK, chunk);
    list.put(record.CHUNKS, chunks);
  }
  list.put(record.GROUPS, groups);
  list.float(record.EPSILON, step.eps);
  list.put(record.WEIGHTS, step.weight);
  list.put(record.BIAS, step.bias);
  list.put(record.VECTOR, modulate?.at ?? 0);
  list.put(record.VECTOR_STRIDE, modulate?.stride ?? 0);
  list.put(record.STATISTICS, step.statistics ?? 0);
  list.put(record.OUT, step.affine);
}

export interface NormGradient extends Norm {
  /** Gradient of what follows norm and SiLU: [N, height, width, channels]. Becomes the gradient before the SiLU. */
  dy: number;
  /** Whether a SiLU follows the norm. */
  silu: boolean;
  /** Of the forward pass. */
  affine: number;
  statistics: number;
  /** Address of `partialValues` values that the calls use. */
  partials: number;
  /** Address of [N, 2, channels] each that the calls use: sums, coefficients. */
  sums: number;
  coefficients: number;
  /** Where the gradient of [s, t] goes. */
  modulateGradient?: VectorAt | undefined;
  /** Where the gradients of scale and shift go, [channels] each; null: they are frozen. */
  parameters: { weight: number; bias: number; accumulate: boolean } | null;
  /** Another gradient of the (joined) source, added times `residualScale`: address, or 0. */
  residual?: number;
  residualScale?: number;
  /** Gradients of the sources, addresses of maps of their shapes. `outs[0]` may be `dy` where there is one source. */
  outs: readonly number[];
}

/** The gradient of a norm: sums over pixels, coefficients of each group, parameters, and dx = a dy + p x + q. */
export function normGradient(list: CallList, step: NormGradient): void {
  const { sources, groups, modulate, modulateGradient, parameters } = step;
  const { images, height, width } = sources[0]!;
  const channels = channelsOf(sources);
  const { chunk, chunks } = normChunks(sources);
  const begin = (kernel: number, tasks: number) => {
    list.call(kernel, tasks);
    list.sources(sources);
    list.put(record.GRADIENT, step.dy);
    list.put(record.AFFINE, step.affine);
    list.put(record.SILU, step.silu ? 1 : 0);
    list.put(record.STATISTICS, step.statistics);
    list.put(record.PARTIALS, step.partials);
    list.put(record.CHUNK, chunk);
    list.put(record.CHUNKS, chunks);
    list.put(record.GROUPS, groups);
    list.put(record.SUMS, step.sums);
    list.put(record.COEFFICIENTS, step.coefficients);
    list.put(record.WEIGHTS, step.weight);
    list.put(record.BIAS, step.bias);
    list.put(record.VECTOR, modulate?.at ?? 0);
    list.put(record.VECTOR_STRIDE, modulate?.stride ?? 0);
    list.put(record.IMAGES, images);
  };
  begin(record.NORM_GRADIENT_SUMS, images * chunks);
  begin(record.NORM_GRADIENT_FINISH, images * groups);
  list.put(record.VECTOR_GRADIENT, modulateGradient?.at ?? 0);
  list.put(record.VECTOR_GRADIENT_STRIDE, modulateGradient?.stride ?? 0);
  if (parameters) {
    begin(record.NORM_GRADIENT_PARAMETERS, Math.ceil(channels / PARAMETERS_A_TASK));
    list.put(record.CHUNK, PARAMETERS_A_TASK);
    list.put(record.OUT, parameters.weight);
    list.put(record.OUT1, parameters.bias);
    list.put(record.ACCUMULATE, parameters.accumulate ? 1 : 0);
  }
  begin(record.NORM_GRADIENT_APPLY, 0);
  const pixels = height * width;
  list.rowBlocks(images, pixels, list.share(pixels, pixels, 16, 1, images));
  list.put(record.RESIDUAL, step.residual ?? 0);
  list.float(record.SCALE, step.residualScale ?? 1);
  list.put(record.OUT, step.outs[0]!);
  list.put(record.OUT1, step.outs[1] ?? 0);
}

const PARAMETERS_A_TASK = 64;
