import { Denoiser } from '../src/nn/denoiser';
import { parameterCount } from '../src/nn/parameters';
import type { WeightSource } from '../src/nn/weights';
import { openBackend } from './backend';
import { type OpenedModel, openModelArgument } from './catalogue';
import { type CommonOptions, precondKind } from './options';
import type { Report } from './report';

/** A model on a back-end. */
export interface Session {
  model: OpenedModel;
  denoiser: Denoiser;
  /** For the JSON result. */
  backend: string;
}

export async function openSession(
  argument: string,
  options: CommonOptions,
  report: Report,
): Promise<Session> {
  const model = openModelArgument(argument, precondKind(options.precond));
  for (const note of model.notes) report.note(`note: ${note}`);
  const active = await openBackend(options.backend);
  report.backend(active);
  return { model, denoiser: makeDenoiser(model, model.weights), backend: `${active.name} (${active.label})` };
}

/**
 * Parameters kept on the back-end: all of a small network, part of a large one; the rest is read from the file
 * at every pass, which costs little beside the arithmetic. So a 296 M network runs in less memory than its
 * float16 form takes, plus what the process needs anyway.
 */
const RESIDENT_BYTES = 128 * 2 ** 20;

export function makeDenoiser(model: OpenedModel, weights: WeightSource): Denoiser {
  const budgetBytes = Math.max(RESIDENT_BYTES, parameterCount(model.config.unet));
  return Denoiser.open(model.config, weights, { budgetBytes });
}
