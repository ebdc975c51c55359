import { InnateError } from '../lib/errors';
import type { NoiseSource, Stroke } from '../lib/noise-source';
import { integerSeedNoise, seedNoise, slerp } from './seeds';

/** The square images whose noise is meant. */
export interface NoiseShape {
  channels: number;
  resolution: number;
}

/**
 * Unit noise of one image, [C, R, R] flat. Throws `mismatch` where a latent of one's own has another size. `whole` may be
 * a caching source of whole seeds' noise.
 */
export function sourceNoise(
  source: NoiseSource,
  shape: NoiseShape,
  whole: typeof integerSeedNoise = integerSeedNoise,
): Float32Array {
  const size = shape.channels * shape.resolution ** 2;
  switch (source.kind) {
    case 'seed':
      return seedNoise(source.seed, size, whole);
    case 'latent':
      if (source.values.length === size) return source.values;
      throw new InnateError('mismatch', 'the latent does not fit the network', {
        expected: `${size} values [${shape.channels}, ${shape.resolution}, ${shape.resolution}]`,
        found: `${source.values.length} values`,
      });
    case 'between':
      return slerp(sourceNoise(source.from, shape, whole), sourceNoise(source.to, shape, whole), source.at);
    case 'painted': {
      const noise = sourceNoise(source.under, shape, whole).slice();
      for (const stroke of source.strokes) paint(noise, stroke, shape, whole);
      return noise;
    }
  }
}

/** Turns the noise under a stroke, all channels of a pixel by the same angle. */
function paint(noise: Float32Array, stroke: Stroke, shape: NoiseShape, whole: typeof integerSeedNoise): void {
  const { resolution, channels } = shape;
  const other = seedNoise(stroke.seed, noise.length, whole);
  const cover = coverage(stroke, resolution);
  const pixels = resolution ** 2;
  for (let p = 0; p < pixels; p++) {
    if (cover[p] === 0) continue;
    const angle = (cover[p]! * stroke.strength * Math.PI) / 2;
    // Rounded, so that an engine's last bit of a sine does not show in the noise.
    const keep = Math.fround(Math.cos(angle));
    const add = Math.fround(Math.sin(angle));
    for (let c = 0; c < channels; c++) {
      const i = c * pixels + p;
      noise[i] = keep * noise[i]! + add * other[i]!;
    }
  }
}

/**
 * How much of the brush covers each pixel [R, R], 0 to 1: all of it within half the radius of the line through the
 * stroke's points, falling to nothing at the radius.
 */
export function coverage({ radius, points }: Stroke, resolution: number): Float32Array {
  const cover = new Float32Array(resolution ** 2);
  for (let i = 0; i < points.length; i += 2) {
    const [x0, y0] = [points[i]!, points[i + 1]!];
    const [x1, y1] = i + 3 < points.length ? [points[i + 2]!, points[i + 3]!] : [x0, y0];
    const low = (a: number, b: number) => Math.max(0, Math.floor(Math.min(a, b) - radius));
    const high = (a: number, b: number) => Math.min(resolution - 1, Math.ceil(Math.max(a, b) + radius));
    for (let y = low(y0, y1); y <= high(y0, y1); y++)
      for (let x = low(x0, x1); x <= high(x0, x1); x++) {
        const d = distance(x, y, x0, y0, x1, y1) / radius;
        const here = d <= 0.5 ? 1 : d >= 1 ? 0 : 2 - 2 * d;
        cover[y * resolution + x] = Math.max(cover[y * resolution + x]!, here);
      }
  }
  return cover;
}

/** From (x, y) to the segment between two points. */
function distance(x: number, y: number, x0: number, y0: number, x1: number, y1: number): number {
  const dx = x1 - x0;
  const dy = y1 - y0;
  const along = ((x - x0) * dx + (y - y0) * dy) / (dx * dx + dy * dy || 1);
  const t = Math.min(1, Math.max(0, along));
  return Math.hypot(x - x0 - t * dx, y - y0 - t * dy);
}
