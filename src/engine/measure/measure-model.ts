import { skippedLine } from '../../data';
import { blobSource } from '../../formats/source';
import { InnateError } from '../../lib/errors';
import { loadPart } from '../../lib/load-part';
import { evaluations } from '../../lib/sampling';
import { defaultSampling } from '../../nn/samplers';
import { METRIC_NAMES, type MeasureRequest, type MeasureResult } from '../../protocol/measure';
import type { Progress } from '../../protocol/models';
import { nextTask } from '../inference/next-task';
import type { SourceServices } from '../runs/sources';
import type { EngineServices } from '../services';
import { MemoryStore } from './feature-store';
import { fillStore, modelImages } from './image-blocks';
import { FEATURE_WORDS, openMeasureNetwork } from './measure-networks';
import { measureSets } from './measurement';
import { realReference } from './real-images';

type MeasureServices = SourceServices & Pick<EngineServices, 'failure' | 'denoiser'>;

/** Real images that the numbers refer to, at most. */
const REFERENCE = 2000;

/** Measures any model against real images, with held-out ones for the floor: what `innate evaluate` does. */
export function measureAny(
  request: MeasureRequest,
  services: MeasureServices,
  signal: AbortSignal,
  onProgress: (progress: Progress) => void,
): Promise<MeasureResult> {
  return Promise.race([measure(request, services, signal, onProgress), services.failure()]);
}

async function measure(
  { model: ref, data: from, features, inception, count, sampler, steps }: MeasureRequest,
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
  const { unet } = model.config;
  const data = await services.data.open(from, model.config, report('downloading images', 'bytes'));
  const net = await openMeasureNetwork(
    features,
    services.data.feature,
    inception && (await inceptionWeights(inception)),
    'tensorflow-1',
  );
  const denoiser = await services.denoiser(model);
  try {
    const logits = net.classes !== undefined;
    const shares = { reference: REFERENCE, heldOut: count };
    const real = await realReference(net, data, new MemoryStore(net.dims), shares, {
      breathe,
      logits,
      onProgress: report('measuring real images', 'images'),
    });
    const sampling = { ...defaultSampling(unet.imgResolution, model), sampler, steps };
    const store = new MemoryStore(net.dims);
    await fillStore(net, modelImages(denoiser, sampling, count, 'in-turn'), store, {
      breathe,
      logits,
      onProgress: report('generating', 'images'),
    });
    const metrics = METRIC_NAMES.filter((name) => name !== 'is' || logits);
    const found = await measureSets([{ store, from: 0, to: count }], real, metrics, {
      breathe,
      onWhat: (what) => report(`computing: ${what}`, 'images')(0, 0),
    });
    return {
      ...found,
      features: FEATURE_WORDS[features],
      onInception: features === 'inception',
      protocol: null,
      nfe: evaluations(sampling),
      n: count,
      reference: real.words,
      read: real.read,
      skipped: skippedLine(data.skipped),
    };
  } finally {
    denoiser.dispose();
    net.dispose();
  }
}

/** The readers of pickles and torch files are loaded by the first file that needs them. */
async function inceptionWeights(file: File) {
  const { openInception } = await loadPart(import('./inception-file'));
  return openInception(blobSource(file, file.name));
}
