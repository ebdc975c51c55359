import type { UNetConfig } from './config';

/**
 * Noise embeddings, on the CPU in float64: WGSL's sine is only specified on [-pi, pi], and Fourier phases
 * reach 233. Returns [N, channels] row-major as the mapping network's first layer takes them.
 *
 * SongUNet swaps the halves (sine first), ADM does not; 'fourier' uses the stored random frequencies,
 * 'positional' geometric ones (endpoint included in SongUNet only).
 */
export function noiseEmbedding(
  config: UNetConfig,
  cNoise: ArrayLike<number>,
  freqs: Float32Array | null,
): Float32Array {
  const half = (config.modelChannels * config.channelMultNoise) >> 1;
  const f = freqs ?? positionalFrequencies(half, config.modelType === 'SongUNet');
  const scale = freqs ? Math.fround(2 * Math.PI) : 1;
  const [sinAt, cosAt] = config.modelType === 'SongUNet' ? [0, half] : [half, 0];
  const out = new Float32Array(cNoise.length * 2 * half);
  for (let n = 0; n < cNoise.length; n++) {
    const row = n * 2 * half;
    for (let i = 0; i < half; i++) {
      // The phase is a float32 product in the published code; at 233 rad its rounding is visible.
      const phase = Math.fround(Math.fround(cNoise[n]!) * Math.fround(scale * f[i]!));
      out[row + sinAt + i] = Math.sin(phase);
      out[row + cosAt + i] = Math.cos(phase);
    }
  }
  return out;
}

/** (1 / 10000) ^ (i / (half - 1)) with the endpoint, (1 / 10000) ^ (i / half) without, as float32. */
function positionalFrequencies(half: number, endpoint: boolean): Float32Array {
  const steps = half - (endpoint ? 1 : 0);
  return Float32Array.from({ length: half }, (_, i) => (1 / 10000) ** Math.fround(i / steps));
}
