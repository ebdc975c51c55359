import { karrasLevels, SIGMAS } from '../lib/noise-levels';
import {
  defaultSteps,
  evaluations,
  type ModelSampling,
  ownSampler,
  type SamplerName,
  SIGMA_MID,
  START_SIGMA,
} from '../lib/sampling';
import type { NetworkConfig } from './config';
import { roundSigma, sigmaRange } from './precond';

/** D(x, sigma): x and the result [N, C, H, W] flat, float32. */
export type Denoise = (x: Float32Array, sigma: number) => Promise<Float32Array>;

export interface SamplerOptions {
  sampler: SamplerName;
  /** Noise level of the first evaluation. */
  sigmaMax: number;
  /** The Heun schedule's last noise level above zero. */
  sigmaMin: number;
  /** Noise level of the two-step sampler's second evaluation. */
  sigmaMid: number;
  /** Heun steps. */
  steps: number;
  /** The noise level that the network has nearest to one of the Heun schedule; as it is when absent. */
  round?: (sigma: number) => number;
  /** Called before each network evaluation. */
  onEvaluation?: (done: number, total: number) => void;
}

/** A model's own way: one step from where it starts, two for a two-step student; with Heun the paper's steps. */
export function defaultSampling(
  resolution: number,
  { sigma, sigmaMid }: ModelSampling = { sigma: START_SIGMA, sigmaMid: null },
): SamplerOptions {
  return {
    sampler: ownSampler({ sigmaMid }),
    sigmaMax: sigma,
    sigmaMin: SIGMAS.min,
    sigmaMid: sigmaMid ?? SIGMA_MID,
    steps: defaultSteps(resolution),
  };
}

/** The numbers of Heun's schedule. */
export type HeunOptions = Pick<SamplerOptions, 'steps' | 'sigmaMin' | 'sigmaMax' | 'round'>;

/** The noise levels of `options` clipped and rounded to what the preconditioning supports, as EDM's sampler does. */
export function clipSigmas<T extends HeunOptions>(config: NetworkConfig, options: T): T {
  const range = sigmaRange(config);
  return {
    ...options,
    sigmaMax: Math.min(options.sigmaMax, range.max),
    sigmaMin: Math.max(options.sigmaMin, range.min),
    round: (sigma) => roundSigma(config, sigma),
  };
}

/** Images [N, C, H, W] flat from unit noise of the same shape; unclipped network output. */
export async function sample(
  denoise: Denoise,
  latents: Float32Array,
  options: SamplerOptions,
): Promise<Float32Array> {
  const total = evaluations(options);
  let done = 0;
  const counted: Denoise = (x, sigma) => {
    options.onEvaluation?.(done++, total);
    return denoise(x, sigma);
  };
  if (options.sampler === 'one-step') return oneStep(counted, latents, options.sigmaMax);
  if (options.sampler === 'two-step') return twoStep(counted, latents, options.sigmaMax, options.sigmaMid);
  return heun(counted, latents, options);
}

/** x = z * sigma, image = D(x, sigma). */
export function oneStep(denoise: Denoise, latents: Float32Array, sigma: number): Promise<Float32Array> {
  return denoise(
    latents.map((z) => z * sigma),
    sigma,
  );
}

/** Denoise at sigma, go to `mid` along the straight line (x0 - x) / sigma, denoise again. */
export async function twoStep(
  denoise: Denoise,
  latents: Float32Array,
  sigma: number,
  mid: number,
): Promise<Float32Array> {
  const x = latents.map((z) => z * sigma);
  const first = await denoise(x, sigma);
  // Far cancellation in x + (first - x): float64 inside, one rounding at the end.
  const moved = x.map((v, i) => v + ((first[i]! - v) / sigma) * (sigma - mid));
  return denoise(moved, mid);
}

/**
 * Noise levels sigma_i = (max^(1/7) + i/(N-1) (min^(1/7) - max^(1/7)))^7 and a final 0: N + 1 numbers
 * (Karras et al. 2022, eq. 5).
 */
export function heunSchedule(steps: number, sigmaMin: number, sigmaMax: number, rho = 7): number[] {
  return [...karrasLevels(steps, sigmaMin, sigmaMax, rho), 0];
}

/** The noise levels that `heun` takes, and a final 0. */
export function heunLevels({ steps, sigmaMin, sigmaMax, round }: HeunOptions): number[] {
  return heunSchedule(steps, sigmaMin, sigmaMax).map((sigma) => (sigma > 0 && round ? round(sigma) : sigma));
}

/**
 * EDM's deterministic sampler (Karras et al. 2022, algorithm 1): Heun's second order method. x stays in
 * float64 between evaluations, as in the published code; in float32 four steps already drift by 2e-4.
 */
export async function heun(
  denoise: Denoise,
  latents: Float32Array,
  options: HeunOptions,
): Promise<Float32Array> {
  const t = heunLevels(options);
  let x = Float64Array.from(latents, (z) => z * t[0]!);
  for (let i = 0; i < options.steps; i++) {
    const denoised = await denoise(Float32Array.from(x), t[i]!);
    x = await heunStep(denoise, x, denoised, t[i]!, t[i + 1]!);
  }
  return Float32Array.from(x);
}

/** One step of `heun` from sigma `now` to `next`, given D(x, now). */
export async function heunStep(
  denoise: Denoise,
  x: Float64Array,
  denoised: Float32Array,
  now: number,
  next: number,
): Promise<Float64Array<ArrayBuffer>> {
  const slope = x.map((v, j) => (v - denoised[j]!) / now);
  const euler = Float64Array.from(x, (v, j) => v + (next - now) * slope[j]!);
  if (next === 0) return euler;
  const again = await denoise(Float32Array.from(euler), next);
  return euler.map((e, j) => x[j]! + (next - now) * 0.5 * (slope[j]! + (e - again[j]!) / next));
}
