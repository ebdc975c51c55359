import { InnateError } from '../../lib/errors';
import { evaluations } from '../../lib/sampling';
import { defaultSampling } from '../../nn/samplers';
import type { GenerateRequest, ImageChunk } from '../../protocol/generate';
import type { ModelInfo } from '../../protocol/models';
import type { integerSeedNoise } from '../../rng/seeds';
import type { GenerateHooks } from '../services';
import type { Device } from './device';
import type { Inference } from './inference';
import { inputBatch } from './inputs';
import { nextTask } from './next-task';
import { imagesToRgba } from './pixels';
import { sampleImages } from './sampling';

/** What a chunk is made with. */
export interface ChunkTools {
  inference: Inference;
  info: ModelInfo;
  device: Pick<Device, 'failure'>;
  /** Noise of whole seeds. */
  noise: typeof integerSeedNoise;
}

/** A chunk of images, and milliseconds of one network evaluation of all of them. */
export interface MadeChunk {
  chunk: ImageChunk;
  evaluationMs: number;
}

/**
 * Makes the images of a request at `indices` in one go. Throws what the device fails with as soon as it does, and
 * `cancelled` where they are not wanted any more.
 */
export async function makeChunk(
  { inference, info, device, noise }: ChunkTools,
  request: GenerateRequest,
  indices: number[],
  hooks: GenerateHooks,
): Promise<MadeChunk> {
  const { denoiser } = inference;
  const batch = inputBatch(denoiser.config, request, indices, noise);
  const compiling = inference.prepare(indices.length, (done, total) =>
    hooks.onProgress({ what: 'preparing shaders', done, total, unit: 'shaders' }),
  );
  await Promise.race([compiling, device.failure]);
  const sampling = {
    ...defaultSampling(info.resolution, request),
    sampler: request.sampler,
    steps: request.steps,
  };
  const started = performance.now();
  const { gains } = request;
  if (gains) denoiser.setGains(new Map(Object.entries(gains)));
  const work = sampleImages(denoiser, batch, sampling, {
    breathe: () => breathe(hooks),
    onProgress: ({ done, total }) => {
      if (total > 2 * indices.length)
        hooks.onProgress({ what: 'sampling', done, total, unit: 'evaluations' });
    },
  }).finally(() => gains && denoiser.setGains(new Map())); // others look into the same network
  const images = await Promise.race([work, device.failure]);
  const ms = performance.now() - started;
  const pixels = imagesToRgba(images, info.channels, info.resolution);
  const classes = batch.classes ? [...batch.classes] : null;
  return {
    chunk: { indices, pixels, resolution: info.resolution, classes, ms },
    evaluationMs: ms / evaluations(sampling),
  };
}

/** Lets messages in, and stops when they made this request pointless. */
export async function breathe({ signal, superseded }: GenerateHooks): Promise<void> {
  await nextTask();
  if (signal.aborted || superseded()) throw new InnateError('cancelled', 'cancelled');
}
