import { type Dataset, drawn } from '../../data';

/** Real images that the spread of samples is compared to. */
const REAL = 256;

/** Variance of each value over `count` images of equal size, summed: how much images differ from each other. */
export function totalVariance(values: ArrayLike<number>, count: number): number {
  if (count < 2) return 0;
  const size = values.length / count;
  let total = 0;
  for (let j = 0; j < size; j++) {
    let sum = 0;
    let squares = 0;
    for (let i = 0; i < count; i++) {
      const v = values[i * size + j]!;
      sum += v;
      squares += v * v;
    }
    total += (squares - (sum * sum) / count) / (count - 1);
  }
  return total;
}

/** The spread of images drawn from the set at random, in bytes; 0 where fewer than two can be read. */
export async function realVariance(data: Dataset): Promise<number> {
  const size = data.channels * data.resolution ** 2;
  const most = Math.min(REAL, data.size);
  const pixels = new Uint8Array(most * size);
  let count = 0;
  for await (const sample of drawn(data)) {
    pixels.set(sample.pixels, count++ * size);
    if (count === most) break;
  }
  return totalVariance(pixels.subarray(0, count * size), count);
}
