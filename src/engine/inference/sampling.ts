import { checkDevice } from '../../gpu/backends';
import { InnateError } from '../../lib/errors';
import { evaluations } from '../../lib/sampling';
import type { NetworkConfig } from '../../nn/config';
import type { ClassLabels, ImageDenoiser } from '../../nn/denoiser';
import { clipSigmas, type SamplerOptions, sample } from '../../nn/samplers';
import { type integerSeedNoise, seedClass, seedNoise } from '../../rng/seeds';
import { batchSize } from './batching';

export interface Batch {
  /** Unit noise [N, C, R, R] flat. */
  latents: Float32Array;
  /** Class index of each image; null for "no class" or an unconditional network. */
  classes: Int32Array | null;
  /** Class vectors [N, labelDim] where classes are mixed: they count in place of `classes`. */
  vectors?: Float32Array;
}

/** Values per image. */
export const imageSize = ({ unet }: NetworkConfig): number => unet.inChannels * unet.imgResolution ** 2;

/** Noise and classes of seeds: the class of the seed unless one is chosen for all. */
export function seedBatch(
  config: NetworkConfig,
  seeds: readonly number[],
  chosenClass: number | null,
  whole?: typeof integerSeedNoise,
): Batch {
  const size = imageSize(config);
  const latents = new Float32Array(seeds.length * size);
  for (const [i, seed] of seeds.entries()) latents.set(seedNoise(seed, size, whole), i * size);
  const { labelDim } = config.unet;
  if (labelDim === 0) {
    if (chosenClass !== null)
      throw new InnateError('bad-argument', 'this network has no classes', { found: `class ${chosenClass}` });
    return { latents, classes: null };
  }
  return { latents, classes: Int32Array.from(seeds, (seed) => chosenClass ?? seedClass(seed, labelDim)) };
}

/** What the network is told of the classes of images `from` to `to`. */
function labelsOf(
  { classes, vectors }: Batch,
  from: number,
  to: number,
  { unet }: NetworkConfig,
): ClassLabels {
  if (vectors) return { rows: vectors.subarray(from * unet.labelDim, to * unet.labelDim) };
  return classes?.subarray(from, to) ?? null;
}

export interface SampleProgress {
  /** Network evaluations of one image, summed over images. */
  done: number;
  total: number;
}

/** The network's output is not a number: its weights are to blame, not the machine. */
export class NotFinite extends InnateError {}

/**
 * Images [N, C, R, R] of a batch of any size, in forward passes that fit; unclipped network output. Throws a
 * `NotFinite` error when an output is not finite. `breathe` runs before every network evaluation: it may let
 * messages in, and throw to stop.
 */
export async function sampleImages(
  denoiser: ImageDenoiser,
  batch: Batch,
  options: SamplerOptions,
  hooks: { onProgress?: (p: SampleProgress) => void; breathe?: () => Promise<void> } = {},
): Promise<Float32Array> {
  const { config } = denoiser;
  const size = imageSize(config);
  const count = batch.latents.length / size;
  const step = batchSize(config);
  const perImage = evaluations(options);
  const images = new Float32Array(batch.latents.length);
  for (let from = 0; from < count; from += step) {
    const n = Math.min(step, count - from);
    const classes = labelsOf(batch, from, from + n, config);
    const result = await sample(
      async (x, sigma) => {
        await hooks.breathe?.();
        return denoiser.denoise(x, sigma, classes);
      },
      batch.latents.subarray(from * size, (from + n) * size),
      {
        ...clipSigmas(config, options),
        onEvaluation: (done) =>
          hooks.onProgress?.({ done: from * perImage + done * n, total: count * perImage }),
      },
    );
    checkDevice();
    const bad = result.findIndex((v) => !Number.isFinite(v));
    if (bad >= 0)
      throw new NotFinite('backend', 'the network gave a value that is not a number', {
        where: `image ${from + Math.floor(bad / size)}`,
        hint: 'The weights may be damaged; open the original file again',
      });
    images.set(result, from * size);
  }
  hooks.onProgress?.({ done: count * perImage, total: count * perImage });
  return images;
}
