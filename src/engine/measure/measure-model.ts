import { skippedLine } from '../../data';
import { InnateError } from '../../lib/errors';
import { evaluations } from '../../lib/sampling';
import { defaultSampling } from '../../nn/samplers';
import type { MeasureRequest, MeasureResult } from '../../protocol/distil';
import type { Progress } from '../../protocol/models';
import { nextTask } from '../inference/next-task';
import { sampleImages, seedBatch } from '../inference/sampling';
import type { SourceServices } from '../runs/sources';
import type { EngineServices } from '../services';
import { measureNetwork } from './feature-networks';
import { FrechetMeasure, MEASURE_NAME } from './frechet';

type MeasureServices = SourceServices & Pick<EngineServices, 'failure' | 'denoiser'>;

/** Real images that the distance refers to, at most. */
const REFERENCE = 2000;

/** Fréchet distance of any model to real images, with that of held-out real images: what `innate evaluate` does. */
export function measureAny(
  request: MeasureRequest,
  services: MeasureServices,
  signal: AbortSignal,
  onProgress: (progress: Progress) => void,
): Promise<MeasureResult> {
  return Promise.race([measure(request, services, signal, onProgress), services.failure()]);
}

async function measure(
  { model: ref, data: from, count, sampler, steps }: MeasureRequest,
  services: MeasureServices,
  signal: AbortSignal,
  onProgress: (progress: Progress) => void,
): Promise<MeasureResult> {
  const breathe = async () => {
    await nextTask();
    if (signal.aborted) throw new InnateError('cancelled', 'cancelled');
  };
  const report = (what: string, unit: Progress['unit']) => (done: number, total: number) =>
    onProgress({ what, done, total, unit });
  const { model } = await services.model(ref);
  const { config } = model;
  const { unet } = config;
  const data = await services.data.open(from, config, report('downloading images', 'bytes'));
  const net = await measureNetwork(services.data.feature);
  const denoiser = await services.denoiser(model);
  try {
    const real = await FrechetMeasure.against(
      net,
      data,
      count,
      REFERENCE,
      report('measuring real images', 'images'),
      breathe,
    );
    const seeds = Array.from({ length: count }, (_, i) => i);
    const batch = seedBatch(config, seeds, null);
    if (unet.labelDim) batch.classes = Int32Array.from(seeds, (s) => s % unet.labelDim); // every class its share
    const sampling = { ...defaultSampling(unet.imgResolution, model), sampler, steps };
    const images = await sampleImages(denoiser, batch, sampling, {
      breathe,
      onProgress: ({ done, total }) => report('generating', 'evaluations')(done, total),
    });
    const result = await real.measure(images, unet.outChannels, unet.imgResolution);
    return {
      features: MEASURE_NAME,
      nfe: evaluations(sampling),
      value: result.value,
      error: result.error,
      floor: real.floor.value,
      spread: result.spread,
      n: count,
      reference: real.reference,
      skipped: skippedLine(data.skipped),
    };
  } finally {
    denoiser.dispose();
    net.dispose();
  }
}
