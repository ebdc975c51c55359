import type { Dataset } from '../data';
import { InnateError } from '../lib/errors';
import type { NetworkConfig } from '../nn/config';
import type { InspectBatch } from './inspect';
import { type Batch, imageSize } from './sampling';

/**
 * As many real images as the batch has samples, spread evenly over the set, in [-1, 1]; where both the set and the
 * network have classes, each image's own.
 */
export async function withRealImages(
  batch: Batch,
  data: Dataset,
  config: NetworkConfig,
): Promise<InspectBatch> {
  const size = imageSize(config);
  const count = batch.latents.length / size;
  const images = new Float32Array(count * size);
  const own = config.unet.labelDim > 0 && data.labelDim === config.unet.labelDim;
  const classes = own ? new Int32Array(count) : batch.classes;
  let next = 0;
  for (let i = 0; i < count; i++) {
    next = Math.max(next, Math.floor((i * data.size) / count));
    let sample = null;
    while (next < data.size && sample === null) sample = await data.read(next++);
    if (!sample)
      throw new InnateError('bad-file', 'too few readable images', {
        where: data.name,
        expected: `${count} images`,
        found: `${i}`,
      });
    sample.pixels.forEach((p, j) => {
      images[i * size + j] = p / 127.5 - 1;
    });
    if (own) classes![i] = sample.label ?? 0;
  }
  return { latents: batch.latents, classes, images };
}
