import type { Dataset } from '../data';
import { InnateError } from '../lib/errors';
import type { NetworkConfig } from '../nn/config';
import type { InspectBatch } from './inspect';
import { type Batch, imageSize } from './sampling';

/**
 * As many real images as the batch has samples, in [-1, 1], spread evenly over the set or those at `places`; where
 * both the set and the network have classes, each image's own. An unreadable image is replaced by the next one.
 */
export async function withRealImages(
  batch: Batch,
  data: Dataset,
  config: NetworkConfig,
  places?: readonly number[],
): Promise<InspectBatch> {
  const size = imageSize(config);
  const count = batch.latents.length / size;
  const images = new Float32Array(count * size);
  const own = config.unet.labelDim > 0 && data.labelDim === config.unet.labelDim;
  const classes = own ? new Int32Array(count) : batch.classes;
  for (let i = 0; i < count; i++) {
    const first = places?.[i] ?? Math.floor((i * data.size) / count);
    let sample = null;
    for (let k = 0; k < data.size && sample === null; k++) sample = await data.read((first + k) % data.size);
    if (!sample) throw new InnateError('bad-file', 'no readable images', { where: data.name });
    sample.pixels.forEach((p, j) => {
      images[i * size + j] = p / 127.5 - 1;
    });
    if (own) classes![i] = sample.label ?? 0;
  }
  return { latents: batch.latents, classes, images };
}
