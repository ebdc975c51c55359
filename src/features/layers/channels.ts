import { type Ramp, rampBytes } from '../../ui/ramp';
import type { Maps } from './types';

export interface MapStatistics {
  mean: number;
  std: number;
  /** Largest size. */
  max: number;
}

/** Statistics of one channel, or of all of them. */
export function statistics({ values, size }: Maps, channel: number | null): MapStatistics {
  const area = size * size;
  const part = channel === null ? values : values.subarray(channel * area, (channel + 1) * area);
  let sum = 0;
  let max = 0;
  for (const v of part) {
    sum += v;
    max = Math.max(max, Math.abs(v));
  }
  const mean = sum / part.length;
  let square = 0;
  for (const v of part) square += (v - mean) ** 2;
  return { mean, std: Math.sqrt(square / part.length), max };
}

/**
 * RGBA of one channel: 0 is the colour of the page, blue below, orange above. `limit` is the value of the scale's
 * ends.
 */
export function paintChannel(
  { values, size }: Maps,
  channel: number,
  limit: number,
  ramp: Ramp,
): Uint8ClampedArray<ArrayBuffer> {
  const area = size * size;
  const pixels = new Uint8ClampedArray(4 * area);
  for (let p = 0; p < area; p++) {
    const value = values[channel * area + p]!;
    const [r, g, b] = rampBytes(ramp, 0.5 + value / (2 * limit || 1));
    pixels.set([r, g, b, 255], 4 * p);
  }
  return pixels;
}

/** Value of the scale's ends: the largest of the channel or of all, darkened or brightened by decibels. */
export function scaleLimit(maps: Maps, channel: number, normalise: boolean, decibel: number): number {
  return statistics(maps, normalise ? channel : null).max / 10 ** (decibel / 20);
}
