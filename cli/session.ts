import {
  type AnyDenoiser,
  openOnWasm,
  openOnWebGpu,
  residentBytes,
} from '../src/engine/inference/open-denoiser';
import { type ActiveBackend, readyTensors, threadLabel } from '../src/gpu/backends';
import { backendLine } from '../src/lib/words';
import { Denoiser, type ImageDenoiser } from '../src/nn/denoiser';
import { parameterCount } from '../src/nn/parameters';
import type { WeightSource } from '../src/nn/weights';
import { kernelThreads, openBackend } from './backend';
import { type OpenedModel, openModelArgument } from './catalogue';
import { type CommonOptions, fileOptions } from './options';
import type { Report } from './report';
import { startNodeThread } from './threads';

/** A model on a back-end. */
export interface Session<D extends ImageDenoiser = ImageDenoiser> {
  model: OpenedModel;
  denoiser: D;
  active: ActiveBackend;
  /** For the JSON result. */
  backend: string;
}

/** Opens a model for making images: on the back-end's fastest path. */
export async function openSession(
  argument: string,
  options: CommonOptions,
  report: Report,
): Promise<Session> {
  const { model, active } = await open(argument, options, report);
  const { denoiser, label } = await makeDenoiser(model, model.weights, active, report);
  report.backend({ ...active, label });
  return { model, denoiser, active, backend: backendLine({ ...active, label }) };
}

/**
 * Opens a model for what happens inside of it. `planned`: what the plan measures on its way will do; else TensorFlow.js,
 * whose every value can be seen.
 */
export async function openInspection(
  argument: string,
  options: CommonOptions,
  report: Report,
  planned: boolean,
): Promise<Session<AnyDenoiser>> {
  const { model, active } = await open(argument, options, report);
  if (!planned) await readyTensors();
  const { denoiser, label } = planned
    ? await makeDenoiser(model, model.weights, active, report)
    : { denoiser: eagerDenoiser(model, model.weights), label: active.label };
  report.backend({ ...active, label });
  return { model, denoiser, active, backend: backendLine({ ...active, label }) };
}

async function open(argument: string, options: CommonOptions, report: Report) {
  const model = openModelArgument(argument, fileOptions(options));
  for (const note of model.notes) report.note(`note: ${note}`);
  return { model, active: await openBackend(options.backend, (line) => report.note(line)) };
}

/** Parameters beyond which a software adapter, whose memory is the machine's, reads weights as it goes. */
const LARGE = 2 ** 27;

/** Weights packed for the SIMD kernels, all in memory: networks up to about 60 million parameters. */
const PACKED_BYTES = 256 * 2 ** 20;

/** Puts a model on a back-end, perhaps with other weights than its own; `label` says what runs it. */
export async function makeDenoiser(
  model: OpenedModel,
  weights: WeightSource,
  active: ActiveBackend,
  report: Report,
): Promise<{ denoiser: AnyDenoiser; label: string }> {
  if (active.gpu && !(active.software && parameterCount(model.config.unet) > LARGE)) {
    const opened = await openOnWebGpu(model.config, weights, {
      context: active.gpu,
      precision: 'f32',
      budgetBytes: residentBytes(model.config),
    });
    return { denoiser: opened.denoiser, label: active.label };
  }
  if (active.name !== 'wasm') {
    await readyTensors();
    return { denoiser: eagerDenoiser(model, weights), label: active.label };
  }
  const { denoiser, threads, refused } = await openOnWasm(model.config, weights, {
    threads: kernelThreads(),
    startThread: startNodeThread,
    budget: PACKED_BYTES,
    budgetBytes: residentBytes(model.config),
  });
  if (refused) report.note(`note: on one thread of TensorFlow.js, because ${refused}`);
  return { denoiser, label: threadLabel(threads) };
}

/** A model op by op on TensorFlow.js: every value of it can be seen. */
export const eagerDenoiser = (model: OpenedModel, weights: WeightSource): Denoiser =>
  Denoiser.open(model.config, weights, { budgetBytes: residentBytes(model.config) });
