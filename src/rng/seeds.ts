import { InnateError } from '../lib/errors';
import { boxMuller } from './box-muller';
import { philox4x32, type Words4 } from './philox';

/**
 * What a seed means: the noise and the class that the paper's generate.py draws on CUDA with
 * torch.Generator('cuda').manual_seed(seed), one generator an image. Element i of randn comes from counter
 * (0, 0, i, 0); the randint that follows from counter (1, 0, 0, 0); the key is the seed.
 */
export const MAX_SEED = 2 ** 32 - 1;

function checkSeed(seed: number): void {
  if (Number.isFinite(seed) && seed >= 0 && seed <= MAX_SEED) return;
  throw new InnateError('bad-argument', 'not a seed', {
    expected: `a number from 0 to ${MAX_SEED}`,
    found: String(seed),
  });
}

/** Unit noise of a whole seed. */
export function integerSeedNoise(seed: number, count: number): Float32Array {
  const out = new Float32Array(count);
  const counter: Words4 = [0, 0, 0, 0];
  const words: Words4 = [0, 0, 0, 0];
  const key = [seed, 0] as const;
  for (let i = 0; i < count; i++) {
    counter[2] = i;
    philox4x32(counter, key, words);
    out[i] = boxMuller(words[0], words[1]);
  }
  return out;
}

/**
 * Unit noise of one image, `count` = channels * height * width values in NCHW order. A fractional seed is
 * the spherical interpolation between its two neighbours, so that dragging it is continuous. `whole` may be a
 * caching source of whole seeds' noise.
 */
export function seedNoise(
  seed: number,
  count: number,
  whole: typeof integerSeedNoise = integerSeedNoise,
): Float32Array {
  checkSeed(seed);
  const lower = Math.floor(seed);
  const a = whole(lower, count);
  const t = seed - lower;
  if (t === 0) return a;
  return slerp(a, whole(Math.min(lower + 1, MAX_SEED), count), t);
}

/** Remembers the noise of the last whole seeds: dragging a seed asks for the same neighbours at every frame. */
export function rememberedNoise(capacity = 256): typeof integerSeedNoise {
  const cache = new Map<string, Float32Array>();
  return (seed, count) => {
    const key = `${seed}/${count}`;
    const noise = cache.get(key) ?? integerSeedNoise(seed, count);
    cache.delete(key);
    cache.set(key, noise); // most recent last
    if (cache.size > capacity) cache.delete(cache.keys().next().value!);
    return noise;
  };
}

/** Spherical interpolation of two vectors; keeps the norm that Gaussian noise of this dimension has. */
export function slerp(a: Float32Array, b: Float32Array, t: number): Float32Array {
  let dot = 0;
  let aa = 0;
  let bb = 0;
  for (let i = 0; i < a.length; i++) {
    dot += a[i]! * b[i]!;
    aa += a[i]! * a[i]!;
    bb += b[i]! * b[i]!;
  }
  const omega = Math.acos(Math.min(1, Math.max(-1, dot / Math.sqrt(aa * bb))));
  const out = new Float32Array(a.length);
  const sin = Math.sin(omega);
  // Parallel vectors (only possible for tiny counts): the straight line is the limit. The weights are rounded
  // to float32 so that an engine's last bit of Math.sin does not show in the noise.
  const wa = Math.fround(sin < 1e-9 ? 1 - t : Math.sin((1 - t) * omega) / sin);
  const wb = Math.fround(sin < 1e-9 ? t : Math.sin(t * omega) / sin);
  for (let i = 0; i < out.length; i++) out[i] = wa * a[i]! + wb * b[i]!;
  return out;
}

/** Class index that the paper's script draws for a seed, after its noise. A fraction takes its floor. */
export function seedClass(seed: number, classes: number): number {
  checkSeed(seed);
  const words = philox4x32([1, 0, 0, 0], [Math.floor(seed), 0], [0, 0, 0, 0]);
  return words[0] % classes;
}
