import { InvalidArgumentError, Option } from 'commander';
import { type FreezeChoice, STUDENT_NFE, type StudentNfe } from '../src/distil/config';
import { parseFreeze } from '../src/distil/freeze';
import { QUANTITIES, type Quantity } from '../src/lib/activations';
import { asInnateError } from '../src/lib/errors';
import { inspectionLevels, type Spacing } from '../src/lib/noise-levels';
import { PRECONDITIONINGS } from '../src/lib/preconditioning';
import {
  type ModelSampling,
  SAMPLER_NAMES,
  type SamplerName,
  SIGMA_MID,
  TEMPERATURE,
} from '../src/lib/sampling';
import type { NetworkConfig } from '../src/nn/config';
import { defaultSampling, type SamplerOptions } from '../src/nn/samplers';
import { BACKEND_CHOICES, type BackendChoice } from './backend';
import type { FileOptions } from './catalogue';

/** Options that several commands share, written once. */

export interface CommonOptions {
  json?: boolean;
  backend: BackendChoice;
  precond?: string;
  /** Start sigma; the model's own where it is absent. */
  sigma?: number;
  /** The second evaluation's; the model's own where it is absent. */
  sigmaMid?: number;
  entry?: string;
}

export interface SamplingFlags {
  /** Absent: the model's own. */
  sampler?: SamplerName;
  steps?: number;
}

/** An option that a command cannot do without, marked as such in its help. */
export const required = (flags: string, description: string): Option =>
  new Option(flags, `${description} (required)`).makeOptionMandatory();

export const jsonOption = () => new Option('--json', 'print the result as one line of JSON');

export const backendOption = () =>
  new Option('--backend <name>', 'where to compute; auto: a hardware GPU, else wasm')
    .choices([...BACKEND_CHOICES])
    .default('auto');

export const precondOption = () =>
  new Option('--precond <name>', "override the file's preconditioning (default: the file's)").choices(
    PRECONDITIONINGS.map((p) => p.name),
  );

export const entryOption = (flag = '--entry <name>') =>
  new Option(flag, 'which network of a file that holds several: ema, net, ...');

interface FlagsOfFile {
  precond?: string | undefined;
  entry?: string | undefined;
  sigma?: number | undefined;
  sigmaMid?: number | undefined;
}

/** How a model file is to be read. */
export function fileOptions({ precond, entry, sigma, sigmaMid }: FlagsOfFile): FileOptions {
  const kind = PRECONDITIONINGS.find((p) => p.name === precond)?.kind;
  return {
    ...(kind && { precond: kind }),
    ...(entry !== undefined && { entry }),
    ...(sigma !== undefined && { sigma }),
    ...(sigmaMid !== undefined && { sigmaMid }),
  };
}

/** It makes a two-step student of a model whose file does not say so. */
export const middleSigma = (end: string): Option =>
  new Option('--sigma-mid <number>', `noise level of the second of two steps ${end}`).argParser(positive);

export const samplingOptions = (): Option[] => [
  new Option(
    '--sampler <name>',
    'how to sample (default: two-step where the model is a two-step student, otherwise one-step)',
  ).choices([...SAMPLER_NAMES]),
  new Option(
    '--sigma <number>',
    'noise level of the first evaluation (default: where the model starts, 80 unless it says otherwise)',
  ).argParser(positive),
  middleSigma(`(default: the model's, otherwise ${SIGMA_MID})`),
  new Option('--steps <n>', 'Heun steps (default 18 up to 32x32, 40 above)').argParser(positiveInteger),
];

/** The model was opened with `--sigma` and `--sigma-mid`, where they were given: they are its own then. */
export function samplerOptions(flags: SamplingFlags, model: SampledModel): SamplerOptions {
  const defaults = defaultSampling(model.config.unet.imgResolution, model);
  return {
    ...defaults,
    sampler: flags.sampler ?? defaults.sampler,
    steps: flags.steps ?? defaults.steps,
  };
}

interface SampledModel extends ModelSampling {
  config: NetworkConfig;
}

export const temperatureOption = (): Option =>
  new Option(
    '--temperature <number>',
    `what the noise is multiplied by, ${TEMPERATURE.min} to ${TEMPERATURE.max} (default: 1)`,
  ).argParser((text) => {
    const value = Number(text);
    if (text.trim() !== '' && value >= TEMPERATURE.min && value <= TEMPERATURE.max) return value;
    throw new InvalidArgumentError(`a number from ${TEMPERATURE.min} to ${TEMPERATURE.max} is expected`);
  });

export function positive(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value <= 0)
    throw new InvalidArgumentError('a positive number is expected');
  return value;
}

export function positiveInteger(text: string): number {
  const value = positive(text);
  if (!Number.isInteger(value) || value > 100_000)
    throw new InvalidArgumentError('a positive whole number is expected');
  return value;
}

/** Images of a run: up to thousands of millions. */
export function positiveCount(text: string): number {
  const value = positive(text);
  if (!Number.isSafeInteger(value)) throw new InvalidArgumentError('a positive whole number is expected');
  return value;
}

export function nonNegativeInteger(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('a whole number from 0 is expected');
  return Number(text);
}

/** A level, or globs over parameter names. */
export function freezeOption(text: string): FreezeChoice {
  try {
    return parseFreeze(text);
  } catch (error) {
    throw new InvalidArgumentError(asInnateError(error).describe());
  }
}

/** Evaluations of a student, as train.py --multi-step-g of Zyriix/D2O; more than two are not distilled here. */
export const studentNfe = (end: string): Option =>
  new Option('--nfe <n>', `evaluations for one image of the student: 1 or 2 ${end}`).argParser(
    (text): StudentNfe => {
      const nfe = STUDENT_NFE.find((known) => String(known) === text);
      if (nfe === undefined) throw new InvalidArgumentError(`one of ${STUDENT_NFE.join(', ')} is expected`);
      return nfe;
    },
  );

/** "80,10,1,0.1", "heun:18" or "log:12". */
export function noiseLevels(text: string): number[] {
  const [, spacing, count] = /^(heun|log):(\d+)$/.exec(text) ?? [];
  if (spacing) return inspectionLevels(spacing as Spacing, positiveInteger(count!));
  return text.split(',').map(positive);
}

export function quantityList(text: string): Quantity[] {
  if (text === 'all') return [...QUANTITIES];
  return text.split(',').map((name) => {
    const quantity = QUANTITIES.find((q) => q === name);
    if (quantity) return quantity;
    throw new InvalidArgumentError(`expected all, or some of ${QUANTITIES.join(', ')}`);
  });
}
