import { imageSize, seedBatch } from '../../src/engine/inference/sampling';
import { withRealImages } from '../../src/engine/layers/data';
import type { InputKind } from '../../src/engine/layers/inputs';
import { type InspectBatch, type InspectWish, measuredByPlan } from '../../src/engine/layers/inspect';
import {
  inspectionReport,
  type ReportOptions,
  type Subject,
  studentReport,
} from '../../src/engine/layers/report';
import type { Quantity } from '../../src/lib/activations';
import { InnateError } from '../../src/lib/errors';
import { counted } from '../../src/lib/words';
import type { Denoiser } from '../../src/nn/denoiser';
import { parseSeeds } from '../../src/rng/parse-seeds';
import { openModelArgument } from '../catalogue';
import { openData } from '../data';
import { checkWritable, writeAtomic } from '../files';
import { type CommonOptions, fileOptions } from '../options';
import type { Report } from '../report';
import { eagerDenoiser, openInspection } from '../session';
import { readLatents } from './run';

export interface InspectOptions extends CommonOptions {
  sigmas: number[];
  seeds?: string;
  latents?: string;
  input: InputKind;
  data?: string;
  quantities: Quantity[];
  parts?: boolean;
  spectra?: boolean;
  student?: string;
  studentEntry?: string;
  examples: number;
  digits?: number;
  out: string;
}

/** innate inspect: how strongly each block answers at each noise level, as JSON. */
export async function inspect(argument: string, options: InspectOptions, report: Report): Promise<void> {
  checkOptions(options);
  const wanted: InspectWish = {
    quantities: options.quantities,
    parts: options.parts ?? false,
    spectra: options.spectra ? Number.POSITIVE_INFINITY : 0,
  };
  // Comparing with a student needs the blocks' values themselves.
  const planned = options.student === undefined && measuredByPlan(wanted);
  const { model, denoiser, backend } = await openInspection(argument, options, report, planned);
  const seeds = parseSeeds(options.seeds ?? '0-7');
  const noise =
    options.latents === undefined
      ? seedBatch(model.config, seeds, null)
      : readLatents(options.latents, model.config);
  // Latents from a file have no seeds of their own: theirs are 0, 1, ...
  const count = noise.latents.length / imageSize(model.config);
  const imageSeeds = options.latents === undefined ? seeds : Array.from({ length: count }, (_, i) => i);
  const batch: InspectBatch =
    options.input === 'noised'
      ? await withRealImages(
          noise,
          await openData(options.data!, model.config, report),
          model.config,
          imageSeeds,
        )
      : noise;
  const settings: ReportOptions = {
    // From noise to image: what 'change' and 'trajectory' mean.
    sigmas: options.sigmas,
    ...wanted,
    input: options.input,
    backend,
    ...(options.digits !== undefined && { digits: options.digits }),
  };
  const found = await inspectionReport({ id: model.id, denoiser }, batch, settings, report.progress);
  if (options.student !== undefined) {
    const { sigma, studentEntry: entry } = options;
    const other = openModelArgument(options.student, fileOptions({ sigma, entry }));
    const student = { id: other.id, model: other, denoiser: eagerDenoiser(other, other.weights) };
    const subject: Subject = { id: model.id, model, denoiser: denoiser as Denoiser };
    const examples = seedBatch(model.config, [...Array(options.examples).keys()], null);
    // Shown the same classes as its teacher, which are the images' own where they are noised.
    const shown = { latents: batch.latents, classes: batch.classes };
    found.student = await studentReport(subject, student, shown, examples, settings, report.progress);
  }
  await writeAtomic(options.out, [new TextEncoder().encode(`${onShortLines(found)}\n`)]);
  report.result(
    `${options.out}: ${counted(found.blocks.length, 'block')} at ${counted(options.sigmas.length, 'noise level')}`,
    {
      out: options.out,
      model: model.id,
      blocks: found.blocks.length,
      sigmas: options.sigmas,
      backend,
      notes: model.notes,
    },
  );
}

function checkOptions(options: InspectOptions): void {
  if (options.seeds !== undefined && options.latents !== undefined)
    throw new InnateError('bad-argument', 'give --seeds or --latents, not both');
  if (options.input === 'noised' && options.data === undefined)
    throw new InnateError('bad-argument', 'noised real images need images', {
      hint: 'Name a data set with --data, such as public/data/afhq-cat-64x64.zip',
    });
  const ordered = options.sigmas.every((s, i, all) => i === 0 || s < all[i - 1]!);
  if (!ordered && (options.input === 'trajectory' || options.quantities.includes('change')))
    throw new InnateError('bad-argument', 'the noise levels must go down from noise to image', {
      where: '--sigmas',
      found: options.sigmas.join(','),
    });
  checkWritable(options.out);
}

/** JSON with lists of numbers on one line each. */
const onShortLines = (value: unknown): string =>
  JSON.stringify(value, null, 1).replace(/\[[^[\]{}"]*\]/g, (list) => list.replace(/\s+/g, ''));
