import type { Dataset } from '../../data';
import { shuffled } from '../../data/shuffle';
import { InnateError } from '../../lib/errors';
import type { NetworkConfig } from '../../nn/config';
import { type Batch, imageSize } from '../inference/sampling';
import type { InspectBatch } from './inspect';

/** Seed of the order in which a set's images are given to seeds. */
const ORDER = 0;

/**
 * Place of the image that belongs to a seed: the same one in the page, in the stored maps and on the command line.
 * Seed s has the image at place s of one random order of the set, so that neighbouring seeds have different images,
 * drawn from all of it however it is sorted; after the last image it begins again. A fractional seed has the image
 * of its floor.
 */
export const placeOfSeed = (seed: number, size: number): number =>
  shuffled(Math.floor(seed) % size, size, ORDER, 0);

/**
 * The batch with the real image of each of its seeds, in [-1, 1]; where both the set and the network have classes,
 * each image's own. An unreadable image is replaced by the next one.
 */
export async function withRealImages(
  batch: Batch,
  data: Dataset,
  config: NetworkConfig,
  seeds: readonly number[],
): Promise<InspectBatch> {
  const size = imageSize(config);
  const images = new Float32Array(seeds.length * size);
  const { labelDim } = config.unet;
  const labels = labelDim > 0 && data.labelDim === labelDim ? new Int32Array(seeds.length) : null;
  for (const [i, seed] of seeds.entries()) {
    const first = placeOfSeed(seed, data.size);
    let sample = null;
    for (let k = 0; k < data.size && sample === null; k++) sample = await data.read((first + k) % data.size);
    if (!sample) throw new InnateError('bad-file', 'no readable images', { where: data.name });
    sample.pixels.forEach((p, j) => {
      images[i * size + j] = p / 127.5 - 1;
    });
    if (labels) labels[i] = sample.label ?? 0;
  }
  return { latents: batch.latents, classes: labels ?? batch.classes, images };
}
