import { type ClassMix, sharesOf } from '../../lib/class-mix';
import { InnateError } from '../../lib/errors';
import type { NetworkConfig } from '../../nn/config';
import type { ImageInputs } from '../../protocol/generate';
import { sourceNoise } from '../../rng/noise-source';
import type { integerSeedNoise } from '../../rng/seeds';
import { seedClass } from '../../rng/seeds';
import { type Batch, imageSize } from './sampling';

/**
 * Noise and classes of the images at `indices` of a request. Each image has the noise and the class of its seed unless
 * something else is said for all images, or for this one. Throws `bad-argument` on a class that does not exist, and
 * `mismatch` on a latent of another size.
 */
export function inputBatch(
  config: NetworkConfig,
  inputs: ImageInputs,
  indices: readonly number[] = inputs.seeds.map((_, i) => i),
  whole?: typeof integerSeedNoise,
): Batch {
  const { unet } = config;
  const shape = { channels: unet.inChannels, resolution: unet.imgResolution };
  const size = imageSize(config);
  const latents = new Float32Array(indices.length * size);
  const classes = new Int32Array(indices.length);
  const mixes: ClassMix[] = [];
  for (const [row, index] of indices.entries()) {
    const seed = inputs.seeds[index]!;
    const own = inputs.own?.[index];
    const noise = sourceNoise(own?.noise ?? { kind: 'seed', seed }, shape, whole);
    const temperature = own?.temperature ?? inputs.temperature ?? 1;
    latents.set(temperature === 1 ? noise : noise.map((z) => z * temperature), row * size);
    const chosen = own?.classIndex ?? inputs.classIndex;
    const mix = own?.mix ?? inputs.mix ?? [];
    mixes.push(mix);
    if (unet.labelDim > 0) classes[row] = chosen ?? seedClass(seed, unet.labelDim);
    else if (chosen !== null || mix.length > 0)
      throw new InnateError('bad-argument', 'this network has no classes', {
        found: `class ${chosen ?? mix[0]!.index}`,
      });
  }
  if (unet.labelDim === 0) return { latents, classes: null };
  if (mixes.every((mix) => mix.length === 0)) return { latents, classes };
  return { latents, classes, vectors: classVectors(classes, mixes, unet.labelDim) };
}

/** Class vectors [N, labelDim] of images' own classes and what is mixed with each. */
function classVectors(classes: Int32Array, mixes: readonly ClassMix[], labelDim: number): Float32Array {
  const vectors = new Float32Array(classes.length * labelDim);
  for (const [row, mix] of mixes.entries())
    for (const { index, weight } of sharesOf(classes[row]!, mix)) {
      if (index >= labelDim)
        throw new InnateError('bad-argument', 'no such class', {
          expected: `an index from 0 to ${labelDim - 1}`,
          found: String(index),
        });
      vectors[row * labelDim + index] = weight;
    }
  return vectors;
}
