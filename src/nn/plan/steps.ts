/**
 * A network after fusion: few steps, each one kernel or a handful. Group normalisation is statistics that become
 * a per-channel affine, which the next step applies as it reads; bias, embedding, residual and scale are applied
 * as a step writes. The same steps run as WGSL (webgpu) and as SIMD (wasm).
 */

/** A buffer of the plan; sizes are for one image. */
export interface Value {
  /** Index among the plan's values. */
  id: number;
  /** 'map' [N, height, width, channels], 'vector' [N, channels], 'affine' [N, 2, channels] = factor, offset. */
  kind: 'map' | 'vector' | 'affine';
  height: number;
  width: number;
  /** The network's own count; maps and affines are stored with it rounded up to a multiple of 4, zeros above. */
  channels: number;
  /** Heads of the attention that reads this map as q, k and v, which executors store one after the other; else 0. */
  attentionHeads: number;
}

/** Part of a vector: `channels` of the step that uses it, from `offset`. */
export interface VectorSlice {
  vector: Value;
  offset: number;
}

/** What a step does to every value it reads: x * factor + offset, then SiLU. Padding stays zero. */
export interface Prologue {
  affine: Value | null;
  silu: boolean;
}

/** What a step does to every value before it writes: (y + bias + vector + residual) * scale * gain. */
export interface Epilogue {
  /** Name of a parameter [channels]. */
  bias: string | null;
  vector: VectorSlice | null;
  residual: Value | null;
  scale: number;
  /** Block whose gain scales the result, a number of each run; null = none. */
  gain: string | null;
}

/** Statistics of group normalisation as an affine: a = weight / std, b = bias - mean * a; ADM: a (s + 1), b (s + 1) + t. */
export interface NormStep {
  kind: 'norm';
  /** One map, or two joined along channels. */
  sources: readonly Value[];
  /** Parameters are `name`.weight and `name`.bias, [channels] each. */
  name: string;
  groups: number;
  eps: number;
  /** [s, t] of ADM's adaptive normalisation: 2 * channels values. */
  modulate: VectorSlice | null;
  out: Value;
}

/** Stride 1, zero padding, weights `name`.weight OIHW. */
export interface ConvStep {
  kind: 'conv';
  sources: readonly Value[];
  prologue: Prologue;
  name: string;
  kernel: number;
  pad: number;
  epilogue: Epilogue;
  out: Value;
}

/** Separable filter `taps` / sum: down after `pad` zeros on every side; up by transposed convolution with gain 4. */
export interface ResampleStep {
  kind: 'resample';
  direction: 'up' | 'down';
  taps: readonly number[];
  pad: number;
  source: Value;
  prologue: Prologue;
  epilogue: Epilogue;
  out: Value;
}

/** Element by element: joins, normalises, adds. */
export interface PointwiseStep {
  kind: 'pointwise';
  sources: readonly Value[];
  prologue: Prologue;
  epilogue: Epilogue;
  out: Value;
}

/** Self-attention over the pixels; `qkv` [N, H, W, 3C]. */
export interface AttentionStep {
  kind: 'attention';
  qkv: Value;
  heads: number;
  out: Value;
}

/** One layer of a matrix product: `features` of its columns. */
export interface LinearPart {
  name: string;
  bias: boolean;
  features: number;
}

/** out = silu?(input * inputScale * weight' + bias + residual), the parts' outputs one after the other. */
export interface LinearStep {
  kind: 'linear';
  input: Value;
  inputScale: number;
  parts: readonly LinearPart[];
  /** Layers whose weights lie side by side, the same in every plan of a network; `parts` are the first of them. */
  matrix: readonly LinearPart[];
  residual: Value | null;
  silu: boolean;
  out: Value;
}

export type Step = NormStep | ConvStep | ResampleStep | PointwiseStep | AttentionStep | LinearStep;

/** A map, or the run of a vector's channels, that a plan gives back. */
export interface Output {
  value: Value;
  offset: number;
  channels: number;
}

/** A fused network: F(c_in x, embedding, labels) as steps in order of execution; perhaps only the first of them. */
export interface Plan {
  values: readonly Value[];
  steps: readonly Step[];
  /** Filled before a run: `image` map, `noise` vector, `labels` vector of conditional networks. */
  inputs: ReadonlyMap<string, Value>;
  /** Whatever was asked for, by name. */
  outputs: ReadonlyMap<string, Output>;
  /** Values whose sums of squares are results too: [N, parts] by name, measured as soon as they are made. */
  observed: ReadonlyMap<string, Value>;
}

/** Channels as stored. */
export const storedChannels = (channels: number): number => Math.ceil(channels / 4) * 4;

/** Float32 values of one image. */
export function valueSize({ kind, height, width, channels }: Value): number {
  if (kind === 'vector') return storedChannels(channels);
  return storedChannels(channels) * (kind === 'affine' ? 2 : height * width);
}

/** Values that a step reads. */
export function stepReads(step: Step): Value[] {
  switch (step.kind) {
    case 'norm':
      return [...step.sources, ...(step.modulate ? [step.modulate.vector] : [])];
    case 'attention':
      return [step.qkv];
    case 'linear':
      return [step.input, ...(step.residual ? [step.residual] : [])];
    default: {
      const { prologue, epilogue } = step;
      const sources = step.kind === 'resample' ? [step.source] : step.sources;
      return [...sources, prologue.affine, epilogue.vector?.vector, epilogue.residual].filter(
        (v): v is Value => !!v,
      );
    }
  }
}
