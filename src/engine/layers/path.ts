import { inspectionLevels, SIGMAS } from '../../lib/noise-levels';
import { RecentMap } from '../../lib/recent-map';
import { heunStep } from '../../nn/samplers';
import type { AnyDenoiser } from '../inference/open-denoiser';
import type { Batch } from '../inference/sampling';

/** Where the sampler is at a noise level: one image [C, R, R] flat, in double precision. */
export interface PathPoint {
  sigma: number;
  x: Float64Array<ArrayBuffer>;
}

/** Runs a task on the network in a turn on the back-end; null where nobody wants the rest any more. */
export type PathTurn = <T>(task: (denoiser: AnyDenoiser) => Promise<T>) => Promise<T | null>;

/** Ways that were followed and may be looked at again while a hand drags, in bytes. */
const KEPT_BYTES = 32 * 2 ** 20;
/** Steps are made in one turn up to this long: between turns others have the back-end. */
const TURN_MS = 50;

/** The ways of Heun's sampler from noise to image, which are followed step by step and kept. */
export class SamplerPaths {
  private readonly kept = new RecentMap<string, readonly PathPoint[]>(KEPT_BYTES, (path) =>
    path.reduce((bytes, { x }) => bytes + x.byteLength, 0),
  );

  /**
   * The way of one seed in `steps` steps from sigma 80 to 0; null where it was stopped. `key` says whose way it is:
   * network, seed and class.
   */
  async follow(
    key: string,
    { latents, classes }: Batch,
    steps: number,
    turn: PathTurn,
  ): Promise<readonly PathPoint[] | null> {
    const name = `${key} ${steps}`;
    const known = this.kept.get(name);
    if (known) return known;
    const levels = [...inspectionLevels('heun', steps), 0];
    const path: PathPoint[] = [{ sigma: SIGMAS.max, x: Float64Array.from(latents, (z) => z * SIGMAS.max) }];
    while (path.length <= steps) {
      const done = await turn(async (denoiser) => {
        const evaluate = (v: Float32Array, s: number) => denoiser.denoise(v, s, classes);
        const started = performance.now();
        do {
          const { sigma, x } = path.at(-1)!;
          const next = levels[path.length]!;
          const denoised = await evaluate(Float32Array.from(x), sigma);
          path.push({ sigma: next, x: await heunStep(evaluate, x, denoised, sigma, next) });
        } while (path.length <= steps && performance.now() - started < TURN_MS);
        return path;
      });
      if (!done) return null;
    }
    this.kept.set(name, path);
    return path;
  }
}

/**
 * Where a way is at `sigma`: from the last point above it along the straight line that the sampler takes; its end, the
 * image, at 0.
 */
export function pointAt(path: readonly PathPoint[], sigma: number): Float32Array {
  const after = path.findIndex((p) => p.sigma < sigma);
  const end = path.at(-1);
  if (after < 0 && end) return Float32Array.from(end.x);
  const [high, low] = [path[Math.max(0, after - 1)]!, path[Math.max(1, after)]!];
  const t = Math.min(1, Math.max(0, (high.sigma - sigma) / (high.sigma - low.sigma)));
  return Float32Array.from(high.x, (v, i) => v + t * (low.x[i]! - v));
}
