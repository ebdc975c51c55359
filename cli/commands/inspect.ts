import { inspectActivations } from '../../src/engine/inspect';
import { seedBatch } from '../../src/engine/sampling';
import { InnateError } from '../../src/lib/errors';
import { parseSeeds } from '../../src/rng/parse-seeds';
import { checkWritable, writeAtomic } from '../files';
import type { CommonOptions } from '../options';
import type { Report } from '../report';
import { openInspection } from '../session';
import { readLatents } from './run';

export interface InspectOptions extends CommonOptions {
  sigmas: number[];
  seeds?: string;
  latents?: string;
  out: string;
}

/** innate inspect: how strongly each block answers at each noise level, as JSON. */
export async function inspect(argument: string, options: InspectOptions, report: Report): Promise<void> {
  if (options.seeds !== undefined && options.latents !== undefined)
    throw new InnateError('bad-argument', 'give --seeds or --latents, not both');
  checkWritable(options.out);
  const { model, denoiser, backend } = await openInspection(argument, options, report);
  const batch =
    options.latents === undefined
      ? seedBatch(model.config, parseSeeds(options.seeds ?? '0-7'), null)
      : readLatents(options.latents, model.config);
  const activations = await inspectActivations(denoiser, model.id, batch, options.sigmas, report.progress);
  writeAtomic(options.out, [new TextEncoder().encode(`${JSON.stringify(activations, null, 1)}\n`)]);
  report.result(
    `${options.out}: ${activations.blocks.length} blocks at ${options.sigmas.length} noise levels`,
    {
      out: options.out,
      model: model.id,
      blocks: activations.blocks.length,
      sigmas: options.sigmas,
      backend,
      notes: model.notes,
    },
  );
}
