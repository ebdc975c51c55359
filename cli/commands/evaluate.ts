import { basename, resolve } from 'node:path';
import { skippedLine, skippedReasons } from '../../src/data';
import { sampleImages, seedBatch } from '../../src/engine/inference/sampling';
import { measureNetwork } from '../../src/engine/measure/feature-networks';
import { FrechetMeasure, MEASURE_NAME } from '../../src/engine/measure/frechet';
import { evaluations } from '../../src/lib/sampling';
import { counted, whole } from '../../src/lib/words';
import { readCatalogue } from '../catalogue';
import { featureWeights, openData, storedChannels } from '../data';
import { type CommonOptions, type SamplingFlags, samplerOptions } from '../options';
import type { Report } from '../report';
import { datasetNamed, datasetOf, farOff, otherKind } from '../same-kind';
import { openSession } from '../session';

export interface EvaluateOptions extends CommonOptions, SamplingFlags {
  data: string;
  count: number;
  reference: number;
}

/** innate evaluate: the Fréchet distance of a model's images to real ones, with its floor and error bar. */
export async function evaluate(argument: string, options: EvaluateOptions, report: Report): Promise<void> {
  const { model, denoiser, backend } = await openSession(argument, options, report);
  const { unet } = model.config;
  const data = await openData(options.data, model.config, report);
  const catalogue = readCatalogue();
  const warnings: string[] = [];
  const warn = (text: string | null) => {
    if (text === null) return;
    warnings.push(text);
    report.note(`warning: ${text}`);
  };
  warn(
    otherKind(
      {
        dataset: datasetOf(model, catalogue),
        labelDim: unet.labelDim,
        classes: model.classes,
        channels: unet.outChannels,
      },
      {
        dataset: datasetNamed(basename(resolve(options.data)), catalogue),
        labelDim: data.labelDim,
        classes: data.classes,
        channels: await storedChannels(options.data),
      },
    ),
  );
  report.note('reading real images');
  const net = await measureNetwork(featureWeights);
  const measure = await FrechetMeasure.against(net, data, options.count, options.reference, report.progress);
  const seeds = Array.from({ length: options.count }, (_, i) => i);
  const batch = seedBatch(model.config, seeds, null);
  if (unet.labelDim) batch.classes = Int32Array.from(seeds, (s) => s % unet.labelDim); // every class its share
  const sampling = samplerOptions(options, model);
  report.note(`generating ${counted(options.count, 'image')}`);
  const images = await sampleImages(denoiser, batch, sampling, {
    onProgress: ({ done, total }) => report.progress(done, total),
  });
  const result = await measure.measure(images, unet.outChannels, unet.imgResolution);
  warn(farOff(result));
  const quality = {
    metric: 'frechet',
    features: MEASURE_NAME,
    sampler: sampling.sampler,
    nfe: evaluations(sampling),
    sigma: sampling.sigmaMax,
    value: result.value,
    error: result.error,
    floor: measure.floor.value,
    n: options.count,
    reference: measure.reference,
    spread: result.spread,
    shift: result.shift,
    read: measure.read,
    skipped: data.skipped.length,
    reasons: skippedReasons(data.skipped),
  };
  if (data.skipped.length > 0) report.note(skippedLine(data.skipped));
  const error = result.error === null ? '' : ` ± ${result.error.toFixed(3)}`;
  report.result(
    `Fréchet distance ${result.value.toFixed(3)}${error} (${MEASURE_NAME}; n ${whole(options.count)}, ${quality.nfe} NFE, against ${measure.reference})\n` +
      `held-out real images: ${measure.floor.value.toFixed(3)}; spread ${result.spread.toFixed(2)} of real images'. Not the Inception FID.`,
    { model: model.id, ...quality, backend, warnings },
  );
}
