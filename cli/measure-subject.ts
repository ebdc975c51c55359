import { existsSync, statSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import type { Dataset } from '../src/data';
import { sampleImages, seedBatch } from '../src/engine/inference/sampling';
import { asShown, type ImageBlock } from '../src/engine/measure/extract';
import { type ImageStream, modelImages, setImages } from '../src/engine/measure/image-blocks';
import { torchRecord } from '../src/formats/torch/zip';
import { openZip } from '../src/formats/zip';
import { InnateError } from '../src/lib/errors';
import { evaluations } from '../src/lib/sampling';
import { counted } from '../src/lib/words';
import type { OpenExecutor } from '../src/nn/plan/training/executor';
import type { SamplerOptions } from '../src/nn/samplers';
import type { MeasureProtocol } from '../src/protocol/measure';
import { openBackend } from './backend';
import { readCatalogue } from './catalogue';
import { openImages, READ_ONCE } from './data';
import { fileSource } from './files';
import { fileMark } from './measure-store';
import { type CommonOptions, type SamplingFlags, samplerOptions } from './options';
import { recordedGraphs } from './recorded-graphs';
import type { Report } from './report';
import { datasetOf, type Kind } from './same-kind';
import { openSession } from './session';

/** What is measured: a model, or images that some program has made. */
export interface Subject {
  images: ImageStream;
  channels: number;
  resolution: number;
  backend: string;
  /** What executes feature networks on that back-end. */
  plan: OpenExecutor | undefined;
  /** What it is told apart by when a run goes on. */
  mark: unknown;
  /** To be compared with the real images' kind; null of images, which say nothing of themselves. */
  kind: Kind | null;
  /** For the result. */
  about: Record<string, unknown>;
  /** How images were made, in words; '' of given ones. */
  how: string;
  /** Given images, for what of them could not be read. */
  set: Dataset | null;
}

/** A folder, an array, an archive of images; everything else is a model. */
export function isImages(argument: string): boolean {
  if (!existsSync(argument)) return false;
  if (statSync(argument).isDirectory()) return true;
  if (/\.(npz|npy|tar|tgz|tar\.gz)$/i.test(argument)) return true;
  return /\.zip$/i.test(argument) && !torchRecord(openZip(fileSource(argument)));
}

/** Images that are given, at most `count` of them, in their order. */
export async function givenImages(
  path: string,
  count: number | undefined,
  options: CommonOptions,
  report: Report,
): Promise<Subject> {
  const set = await openImages(path, READ_ONCE, report);
  const active = await openBackend(options.backend, (line) => report.note(line));
  report.backend(active);
  return {
    images: setImages(set, Math.min(count ?? set.size, set.size), 'stored'),
    channels: set.channels,
    resolution: set.resolution,
    backend: active.name,
    plan: recordedGraphs(active),
    mark: fileMark(path),
    kind: null,
    about: { images: basename(resolve(path)) },
    how: '',
    set,
  };
}

/** Images of the seeds 0 to `total` of a model. */
export async function ofModel(
  argument: string,
  options: CommonOptions & SamplingFlags,
  total: number,
  protocol: MeasureProtocol | undefined,
  report: Report,
): Promise<Subject> {
  const { model, denoiser, active, backend } = await openSession(argument, options, report);
  const { unet } = model.config;
  const sampling: SamplerOptions = samplerOptions(options, model);
  const classes = protocol === 'edm' ? 'of-seed' : 'in-turn';
  const nfe = evaluations(sampling);
  return {
    images: modelImages(denoiser, sampling, total, classes),
    channels: unet.outChannels,
    resolution: unet.imgResolution,
    backend,
    plan: recordedGraphs(active),
    mark: [fileMark(model.path), options.entry, options.precond, sampling, classes],
    kind: {
      dataset: datasetOf(model, readCatalogue()),
      labelDim: unet.labelDim,
      classes: model.classes,
      channels: unet.outChannels,
    },
    about: { model: model.id, sampler: sampling.sampler, nfe, sigma: sampling.sigmaMax },
    how: `, ${nfe} NFE`,
    set: null,
  };
}

/** A few images in memory: of these seeds of a model, or of these places of given images. Rounded to bytes, in [-1, 1]. */
export async function chosenImages(
  argument: string,
  seeds: readonly number[],
  options: CommonOptions & SamplingFlags,
  report: Report,
): Promise<{ block: ImageBlock; name: string } & Pick<Subject, 'backend' | 'plan'>> {
  if (isImages(argument)) {
    const { set, backend, plan } = await givenImages(argument, undefined, options, report);
    return { block: await placesOf(set!, seeds), name: basename(resolve(argument)), backend, plan };
  }
  const { model, denoiser, active, backend } = await openSession(argument, options, report);
  const { outChannels: channels, imgResolution: resolution } = model.config.unet;
  const batch = seedBatch(model.config, seeds, null);
  report.note(`generating ${counted(seeds.length, 'image')}`);
  const values = await sampleImages(denoiser, batch, samplerOptions(options, model), {
    onProgress: ({ done, total }) => report.progress(done, total),
  });
  return {
    block: { values: asShown(values), channels, resolution },
    name: model.id,
    backend,
    plan: recordedGraphs(active),
  };
}

async function placesOf(set: Dataset, places: readonly number[]): Promise<ImageBlock> {
  const { channels, resolution } = set;
  const size = channels * resolution ** 2;
  const values = new Float32Array(places.length * size);
  for (const [row, place] of places.entries()) {
    const sample = place < set.size && Number.isInteger(place) ? await set.read(place) : null;
    if (!sample)
      throw new InnateError('bad-argument', 'there is no such image', {
        where: set.name,
        expected: `images 0 to ${set.size - 1} that can be read`,
        found: `image ${place}`,
        hint: 'Name images with --seeds',
      });
    for (let j = 0; j < size; j++) values[row * size + j] = sample.pixels[j]! / 127.5 - 1;
  }
  return { values, channels, resolution };
}
