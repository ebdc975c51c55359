import { checkDevice } from '../gpu/backends';
import {
  type ActivationsJson,
  ActivationTable,
  activationsJson,
  type Quantity,
  type Row,
  type Samples,
} from '../lib/activations';
import type { Denoiser, ImageDenoiser } from '../nn/denoiser';
import { BlockWatch, imagePower } from '../nn/inspection/block-watch';
import { inspectionRows } from '../nn/inspection/rows';
import { observe } from '../nn/observe';
import { PlannedDenoiser } from '../nn/plan/planned-denoiser';
import { batchSize } from './batching';
import { type InputKind, type InputPath, noisedPath, noisePath, trajectoryPath } from './inspect-inputs';
import type { AnyDenoiser } from './open-denoiser';
import { type Batch, imageSize } from './sampling';

export interface InspectOptions {
  /** Descending, so that change and trajectory run from noise to image. */
  sigmas: readonly number[];
  quantities: readonly Quantity[];
  parts: boolean;
  /** Samples of each pass whose spectra are taken; 0 = none. They cost as much as the pass itself. */
  spectra: number;
  input: InputKind;
}

/** Which values are wanted. */
export type InspectWish = Pick<InspectOptions, 'quantities' | 'parts' | 'spectra'>;

/** What the network is shown: unit noise, classes, and real images in [-1, 1] where the input is 'noised'. */
export interface InspectBatch extends Batch {
  images?: Float32Array;
}

export interface SweepStep {
  samples: Samples;
  /** Evaluations of one sample, of all that the sweep makes. */
  done: number;
  total: number;
}

/** Samples of one pass: outputs of every block are held for a while. */
const PASS = 8;

/**
 * Evaluates the network once per noise level and group of samples, and measures every block on the way. One
 * evaluation a step (three where the input follows the sampler): whoever iterates may do other things in between. A
 * planned network measures the root mean square of blocks alone: see `measuredByPlan`.
 */
export async function* sweep(
  denoiser: AnyDenoiser,
  batch: InspectBatch,
  options: InspectOptions,
): AsyncGenerator<SweepStep, void> {
  const { config } = denoiser;
  const { sigmas, spectra } = options;
  const size = imageSize(config);
  const count = batch.latents.length / size;
  const step = batchSize(config, PASS);
  const rows = inspectionRows(config.unet, options.parts);
  for (let from = 0; from < count; from += step) {
    const n = Math.min(step, count - from);
    const classes = batch.classes?.subarray(from, from + n) ?? null;
    const path = inputPath(denoiser, options.input, slice(batch, from * size, (from + n) * size), classes);
    const progress = (samples: Samples): SweepStep => ({
      samples,
      done: from * sigmas.length + (samples.level + 1) * n,
      total: sigmas.length * count,
    });
    const watch = new BlockWatch(config.unet, { ...options, rows });
    try {
      for (const [level, sigma] of sigmas.entries()) {
        const x = path.at(sigma);
        if (denoiser instanceof PlannedDenoiser) {
          const next = sigmas[level + 1];
          const images = path.follows && next !== undefined;
          const seen = await denoiser.observe(x, sigma, classes, { rms: rows.map((r) => r.name), images });
          if (images) await path.advance(sigma, next, seen.images!);
          yield progress({ level, count: n, values: { rms: rowByRow(rows, seen.rms, n) } });
          continue;
        }
        const images = path.follows || spectra > 0;
        const seen = await observe(denoiser, x, sigma, classes, { see: watch.see, images });
        checkDevice();
        const samples = watch.samples(seen, level, n);
        if (spectra > 0 && seen.images)
          samples.imageSpectrum = await imagePower(
            seen.images.subarray(0, samples.spectraCount! * size),
            config.unet.outChannels,
            config.unet.imgResolution,
          );
        const next = sigmas[level + 1];
        if (next !== undefined && seen.images) await path.advance(sigma, next, seen.images);
        yield progress(samples);
      }
    } finally {
      watch.dispose();
    }
  }
}

/** What a plan measures on its way, without giving up its fused kernels. */
export const measuredByPlan = ({ quantities, parts, spectra }: InspectWish): boolean =>
  !parts && spectra === 0 && quantities.every((q) => q === 'rms');

/** [rows, count] of values by row name. */
function rowByRow(
  rows: readonly Row[],
  values: ReadonlyMap<string, Float32Array>,
  count: number,
): Float32Array {
  const all = new Float32Array(rows.length * count);
  for (const [i, row] of rows.entries()) all.set(values.get(row.name)!, i * count);
  return all;
}

/** All of a sweep as a table. */
export async function inspectTable(
  denoiser: AnyDenoiser,
  batch: InspectBatch,
  options: InspectOptions,
  onProgress?: (done: number, total: number) => void,
): Promise<ActivationTable> {
  const table = new ActivationTable(inspectionRows(denoiser.config.unet, options.parts), options.sigmas);
  for await (const { samples, done, total } of sweep(denoiser, batch, options)) {
    table.add(samples);
    onProgress?.(done, total);
  }
  return table;
}

/**
 * How strongly every block of the network answers at every noise level: D(latents * sigma, sigma) is
 * evaluated once per level and the block outputs are measured on the way.
 */
export async function inspectActivations(
  denoiser: Denoiser,
  model: string,
  batch: Batch,
  sigmas: readonly number[],
  onProgress?: (done: number, total: number) => void,
): Promise<ActivationsJson> {
  const options: InspectOptions = {
    sigmas,
    quantities: ['rms'],
    parts: false,
    spectra: 0,
    input: 'noise',
  };
  return activationsJson(model, await inspectTable(denoiser, batch, options, onProgress));
}

function inputPath(
  denoiser: ImageDenoiser,
  kind: InputKind,
  { latents, images }: InspectBatch,
  classes: Int32Array | null,
): InputPath {
  if (kind === 'noised' && images) return noisedPath(images, latents);
  if (kind === 'trajectory') return trajectoryPath(denoiser, latents, classes);
  return noisePath(latents);
}

const slice = ({ latents, images }: InspectBatch, from: number, to: number): InspectBatch => ({
  latents: latents.subarray(from, to),
  classes: null,
  ...(images && { images: images.subarray(from, to) }),
});
