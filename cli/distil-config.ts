import {
  DEFAULT_PRESET,
  type DistilConfig,
  type FileFeature,
  isAdversarial,
  preset,
  samplingConfig,
} from '../src/distil/config';
import { checkConfig, PAPER_BATCH } from '../src/distil/config-checks';
import { freezeChoice, freezeText } from '../src/distil/freeze-rule';
import { InnateError } from '../src/lib/errors';
import type { ModelSampling } from '../src/lib/sampling';
import { counted } from '../src/lib/words';
import type { DistilOptions } from './distil-command';

/** What a run is made of beside what was typed. */
interface RunOrigin {
  /** The configuration of the saved run that goes on. */
  saved?: DistilConfig | undefined;
  /** The student that it goes on from: its images are made as that one's are. */
  student?: ModelSampling | undefined;
  /** The network of the file that was given as a second one. */
  secondFeatures?: FileFeature | undefined;
}

/**
 * The configuration of a run: the saved one's or the preset's, with what was typed. `note` is told what was changed
 * beside that. Throws a `bad-argument` error for what cannot be trained with, and a `mismatch` error where a saved run
 * would go on as one of another kind.
 */
export function runConfig(
  options: DistilOptions,
  { saved, student, secondFeatures }: RunOrigin,
  note: (text: string) => void,
): DistilConfig {
  const of = saved ?? preset(options.preset ?? DEFAULT_PRESET);
  const base = student && !saved ? { ...of, ...samplingConfig(student, of) } : of;
  const config: DistilConfig = {
    ...base,
    method: options.method ?? base.method,
    freeze: options.freeze ?? base.freeze,
    features: options.features ?? base.features,
    secondFeatures: secondFeatures ?? base.secondFeatures,
    classEmbeddings: !saved && options.classEmbeddings ? 'table' : base.classEmbeddings,
    lossType: options.lossType ?? base.lossType,
    diffAugment: options.diffaugment ?? base.diffAugment,
    instanceLoss: options.instanceLoss ?? base.instanceLoss,
    dtype: options.dtype ?? base.dtype,
    images: options.images ?? base.images,
    batch: options.batch ?? base.batch,
    microBatch: options.microBatch ?? base.microBatch,
    seed: options.seed ?? base.seed,
    startSigma: options.sigma ?? base.startSigma,
    nfe: options.nfe ?? base.nfe,
    sigmaMid: options.sigmaMid ?? base.sigmaMid,
    generatorRate: options.generatorRate ?? base.generatorRate,
    discriminatorRate: options.discriminatorRate ?? base.discriminatorRate,
  };
  if (config.heads === 'paper' && config.batch < PAPER_BATCH && mayTakeSmallHeads(config, saved)) {
    config.heads = 'small';
    if (isAdversarial(config.method))
      note(
        `a batch of ${counted(config.batch, 'image')} is too small for the paper's heads: small heads stand in`,
      );
  }
  if (config.nfe === 1 && options.sigmaMid !== undefined)
    throw new InnateError('bad-argument', 'a one-step student has no second evaluation', {
      where: `--sigma-mid ${options.sigmaMid}`,
      expected: '--nfe 2 beside it',
    });
  checkConfig(config);
  if (saved) checkSameKind(saved, config, options.resume ?? '');
  return config;
}

/** A saved run has heads already, unless its method has no discriminator: those of its state fit no others. */
const mayTakeSmallHeads = ({ method }: DistilConfig, saved: DistilConfig | undefined): boolean =>
  !saved || !isAdversarial(method);

/** Throws a `mismatch` error where the tensors of a saved run's state would mean something else in `config`. */
export function checkSameKind(saved: DistilConfig, config: DistilConfig, where: string): void {
  if (kind(saved) === kind(config)) return;
  throw new InnateError('mismatch', 'the saved run had other settings', {
    where,
    expected: kind(saved),
    found: kind(config),
  });
}

/** As options; the heads, which no option sets, in words. */
const kind = (of: DistilConfig): string =>
  `--method ${of.method} --freeze ${freezeText(freezeChoice(of))} --features ${of.features} ` +
  `--second-features ${of.secondFeatures} --instance-loss ${of.instanceLoss} --sigma ${of.startSigma} ` +
  `--nfe ${of.nfe}${of.nfe === 2 ? ` --sigma-mid ${of.sigmaMid}` : ''}` +
  (isAdversarial(of.method) ? `, ${of.heads} heads` : '');
