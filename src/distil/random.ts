import { philox4x32, type Words4 } from '../rng/philox';

/** What a stream of random numbers is for; streams of one iteration never overlap. */
export const STREAMS = {
  generatorNoise: 1,
  discriminatorNoise: 2,
  r1: 3,
  featureNoise: 4,
  classes: 5,
  mixing: 6,
  heads: 7,
  adapters: 8,
  levels: 9,
  augment: 10,
} as const;
export type Stream = keyof typeof STREAMS;

/**
 * Random numbers that depend only on (seed, stream, iteration, index): a resumed run draws what it would have
 * drawn. Philox counter (index, iteration, stream, 1); the last word keeps clear of the seeds of images.
 */
export class RandomStream {
  private readonly counter: Words4;
  private readonly words: Words4 = [0, 0, 0, 0];

  constructor(
    private readonly seed: number,
    stream: Stream,
    iteration: number,
  ) {
    this.counter = [0, iteration >>> 0, STREAMS[stream], 1];
  }

  /** Standard normals, both halves of each Box-Muller pair. */
  normals(count: number): Float32Array {
    const out = new Float32Array(count);
    for (let i = 0; i < count; i += 4) {
      const w = this.next();
      for (let pair = 0; pair < 2; pair++) {
        const radius = Math.sqrt(-2 * Math.log((w[2 * pair]! + 0.5) * 2 ** -32));
        const angle = 2 * Math.PI * (w[2 * pair + 1]! + 0.5) * 2 ** -32;
        if (i + 2 * pair < count) out[i + 2 * pair] = radius * Math.cos(angle);
        if (i + 2 * pair + 1 < count) out[i + 2 * pair + 1] = radius * Math.sin(angle);
      }
    }
    return out;
  }

  /** In [0, 1). */
  uniforms(count: number): Float32Array {
    const out = new Float32Array(count);
    for (let i = 0; i < count; i += 4) {
      const w = this.next();
      for (let k = 0; k < 4 && i + k < count; k++) out[i + k] = (w[k]! >>> 8) * 2 ** -24;
    }
    return out;
  }

  integers(count: number, below: number): Int32Array {
    return Int32Array.from(this.uniforms(count), (u) => Math.floor(u * below));
  }

  private next(): Words4 {
    const words = philox4x32(this.counter, [this.seed >>> 0, 0], this.words);
    this.counter[0] = (this.counter[0] + 1) >>> 0;
    return words;
  }
}
