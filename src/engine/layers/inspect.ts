import { checkDevice } from '../../gpu/backends';
import {
  type ActivationsJson,
  ActivationTable,
  activationsJson,
  type Quantity,
  type Row,
  type Samples,
} from '../../lib/activations';
import type { Denoiser, ImageDenoiser } from '../../nn/denoiser';
import { BlockWatch, imagePower } from '../../nn/inspection/block-watch';
import { inspectionRows } from '../../nn/inspection/rows';
import { PlannedDenoiser } from '../../nn/plan/planned-denoiser';
import { observe } from '../../nn/tf/observe';
import { batchSize } from '../inference/batching';
import type { AnyDenoiser } from '../inference/open-denoiser';
import { type Batch, imageSize } from '../inference/sampling';
import { type InputKind, type InputPath, noisedPath, noisePath, trajectoryPath } from './inputs';

export interface InspectOptions {
  /** Descending, so that change and trajectory run from noise to image. */
  sigmas: readonly number[];
  quantities: readonly Quantity[];
  parts: boolean;
  /** Samples whose spectra are taken, the first ones; 0 = none. They cost as much as the evaluation itself. */
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
 * evaluation a step (three where the input follows the sampler), of at most `most` samples: whoever iterates may do
 * other things in between. Level by level, eight samples at a time. A planned network measures the root mean square
 * of blocks alone: see `measuredByPlan`.
 */
export async function* sweep(
  denoiser: AnyDenoiser,
  batch: InspectBatch,
  options: InspectOptions,
  most = PASS,
): AsyncGenerator<SweepStep, void> {
  const { config } = denoiser;
  const { sigmas } = options;
  const count = batch.latents.length / imageSize(config);
  const group = batchSize(config, PASS);
  const step = Math.max(1, Math.min(group, most));
  let done = 0;
  for (let from = 0; from < count; from += group) {
    const end = Math.min(count, from + group);
    const lanes: Lane[] = [];
    try {
      for (let at = from; at < end; at += step)
        lanes.push(new Lane(denoiser, batch, options, at, Math.min(end, at + step)));
      for (const level of sigmas.keys())
        for (const lane of lanes) {
          const samples = await lane.evaluate(level);
          done += samples.count;
          yield { samples, done, total: sigmas.length * count };
        }
    } finally {
      for (const lane of lanes) lane.dispose();
    }
  }
}

/** Samples `from` to `to` of a batch on their way through the noise levels. */
class Lane {
  private readonly count: number;
  private readonly classes: Int32Array | null;
  private readonly path: InputPath;
  private readonly rows: readonly Row[];
  private readonly spectra: number;
  private readonly watch: BlockWatch;

  constructor(
    private readonly denoiser: AnyDenoiser,
    batch: InspectBatch,
    private readonly options: InspectOptions,
    from: number,
    to: number,
  ) {
    const { config } = denoiser;
    const size = imageSize(config);
    this.count = to - from;
    this.classes = batch.classes?.subarray(from, to) ?? null;
    this.path = inputPath(denoiser, options.input, slice(batch, from * size, to * size), this.classes);
    this.rows = inspectionRows(config.unet, options.parts);
    this.spectra = Math.max(0, Math.min(this.count, options.spectra - from));
    this.watch = new BlockWatch(config.unet, { ...options, rows: this.rows, spectra: this.spectra });
  }

  /** Levels are to be evaluated in their order. */
  async evaluate(level: number): Promise<Samples> {
    const { sigmas } = this.options;
    const sigma = sigmas[level]!;
    const next = sigmas[level + 1];
    const x = this.path.at(sigma);
    const { samples, images } =
      this.denoiser instanceof PlannedDenoiser
        ? await this.onPlan(this.denoiser, x, level)
        : await this.opByOp(this.denoiser, x, level);
    if (next !== undefined && images) await this.path.advance(sigma, next, images);
    return samples;
  }

  dispose(): void {
    this.watch.dispose();
  }

  private async onPlan(denoiser: PlannedDenoiser, x: Float32Array, level: number): Promise<Evaluated> {
    const { count, rows, path, options } = this;
    const seen = await denoiser.observe(x, options.sigmas[level]!, this.classes, {
      rms: rows.map((r) => r.name),
      images: path.follows && level + 1 < options.sigmas.length,
    });
    const rms = rowByRow(rows, seen.rms, count);
    return { samples: { level, count, values: { rms } }, images: seen.images ?? null };
  }

  private async opByOp(denoiser: Denoiser, x: Float32Array, level: number): Promise<Evaluated> {
    const { watch, count, spectra, options } = this;
    const { config } = denoiser;
    const images = this.path.follows || spectra > 0;
    const seen = await observe(denoiser, x, options.sigmas[level]!, this.classes, { see: watch.see, images });
    checkDevice();
    const samples = watch.samples(seen, level, count);
    if (spectra > 0 && seen.images)
      samples.imageSpectrum = await imagePower(
        seen.images.subarray(0, spectra * imageSize(config)),
        config.unet.outChannels,
        config.unet.imgResolution,
      );
    return { samples, images: seen.images };
  }
}

interface Evaluated {
  samples: Samples;
  images: Float32Array | null;
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
