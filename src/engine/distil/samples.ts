import { readyTensors } from '../../gpu/backends';
import type { ModelSampling } from '../../lib/sampling';
import { Denoiser } from '../../nn/denoiser';
import { defaultSampling } from '../../nn/samplers';
import type { WeightSource } from '../../nn/weights';
import { bytesToRgba, imagesToBytes } from '../inference/pixels';
import { sampleImages, seedBatch } from '../inference/sampling';
import type { Model } from '../models/model';
import { totalVariance } from './spread';

export interface RunSamples {
  /** RGBA, one image after the other. */
  pixels: Uint8ClampedArray<ArrayBuffer>;
  /** Variance over the samples, see spread.ts. */
  variance: number;
}

/** A network's images of fixed seeds, made as the student's are; classes in turn, so that every class is seen. */
export async function makeSamples(
  { config }: Pick<Model, 'config'>,
  weights: WeightSource,
  seeds: readonly number[],
  sampling: ModelSampling,
): Promise<RunSamples> {
  const { imgResolution: resolution, outChannels: channels, labelDim } = config.unet;
  await readyTensors();
  const denoiser = Denoiser.open(config, weights);
  try {
    const batch = seedBatch(config, seeds, null);
    if (labelDim) batch.classes = Int32Array.from(seeds, (_, i) => i % labelDim);
    const made = await sampleImages(denoiser, batch, defaultSampling(resolution, sampling));
    const bytes = imagesToBytes(made, channels, resolution);
    return { pixels: bytesToRgba(bytes, channels), variance: totalVariance(bytes, seeds.length) };
  } finally {
    denoiser.dispose();
  }
}
