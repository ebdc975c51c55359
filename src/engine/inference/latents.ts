import { writeNpy } from '../../formats/npy';
import { blobSource } from '../../formats/source';
import type { LatentsCall, LatentsResults } from '../../protocol/latents';
import { sourceNoise } from '../../rng/noise-source';
import { NoLatents, readLatentFile } from './latent-file';

/** Reads and writes latents for the page. Throws what is wrong with a file of latents. */
export function latents(call: LatentsCall): LatentsResults[LatentsCall['do']] {
  const { shape } = call;
  if (call.do === 'write') {
    const { channels, resolution } = shape;
    const data = sourceNoise(call.noise, shape);
    const file = writeNpy({ dtype: 'f32', shape: [1, channels, resolution, resolution], data });
    return new Blob([file as BlobPart], { type: 'application/octet-stream' });
  }
  try {
    return readLatentFile(blobSource(call.file, call.file.name), shape);
  } catch (error) {
    if (error instanceof NoLatents) return null;
    throw error;
  }
}
