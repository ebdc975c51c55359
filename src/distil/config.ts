import type { TrainingDtype } from '../lib/backends';
import { InnateError } from '../lib/errors';
import { type ModelSampling, SIGMA_MID, START_SIGMA } from '../lib/sampling';
import type { HeadStyle } from '../nn/discriminator/heads';

/** How a student is distilled: GDD, GDD-I (GDD with most convolutions frozen), imitation by regression, consistency distillation. */
export const METHODS = ['gdd', 'gdd-i', 'imitation', 'cd'] as const;
export type Method = (typeof METHODS)[number];
/** Whether a method has a discriminator; the others compare image with image (instance-step.ts). */
export const isAdversarial = (method: Method): boolean => method === 'gdd' || method === 'gdd-i';
/** Feature networks of the discriminator that come with the project. */
export const FEATURE_NAMES = ['efficientnet-lite0', 'teacher-encoder', 'mobilenet-v1-0.25'] as const;
export type FeatureName = (typeof FEATURE_NAMES)[number];
/** Feature networks too large to ship: a person gives their weights as a file. */
export const FILE_FEATURES = ['vgg16-bn', 'deit-distilled'] as const;
export type FileFeature = (typeof FILE_FEATURES)[number];
/** train.py --freeze of Zyriix/D2O: nothing; conv and proj; qkv too; skip too. */
export const FREEZE_LEVELS = [0, 1, 2, 3] as const;
export type FreezeLevel = (typeof FREEZE_LEVELS)[number];
/** A level, or globs over parameter names ("enc.*", "*.conv0.*"): what they match is frozen. */
export type FreezeChoice = FreezeLevel | readonly string[];
/** Evaluations of the network that a student's image may take: train.py --multi-step-g of Zyriix/D2O. */
export const STUDENT_NFE = [1, 2] as const;
export type StudentNfe = (typeof STUDENT_NFE)[number];

/** Everything that decides a distillation, beside the networks and the data. Rates are per image batch. */
export interface DistilConfig {
  method: Method;
  /** What stays as the teacher has it; null = the method's own level: 1 for GDD-I, else 0. */
  freeze: FreezeChoice | null;
  images: number;
  batch: number;
  /** Images whose gradients are taken together; 0 = the whole batch. Smaller when memory asks for it. */
  microBatch: number;
  /**
   * Images that one GPU of a published run holds: the loss is the sum over them, and batch norm sees that many.
   * 0 = the loss is a mean, and batch norm sees the batch.
   */
  batchGpu: number;
  seed: number;
  /** What steps compute in, where the GPU can: training's --dtype. A run may go on in another one. */
  dtype: TrainingDtype;
  /** Noise level of the student's first evaluation: D(sigma z, sigma) is its image, or the first of its two steps. */
  startSigma: number;
  /** Evaluations for one image of the student, in training and ever after (generator.ts). */
  nfe: StudentNfe;
  /** Noise level of the second of two evaluations. */
  sigmaMid: number;
  /** Adam, betas (0, 0.99), eps 1e-8. */
  generatorRate: number;
  discriminatorRate: number;
  /** Images over which both rates rise to their values; 0 = they are there from the first step. */
  warmUp: number;
  features: FeatureName;
  /** A second feature network beside it, with heads of its own. */
  secondFeatures: FileFeature | 'none';
  /** Its maps, mixing and heads come before the first network's, as published. */
  secondFirst: boolean;
  /** Height and width that feature networks other than the teacher's encoder see. */
  featureSize: number;
  heads: HeadStyle;
  /** Width of the small heads' layers. */
  headWidth: number;
  /** Where the paper's conditional heads begin: random class embeddings, or the rows of a table given as a file. */
  classEmbeddings: 'random' | 'table';
  /** Non-saturating (softplus), or hinge. */
  lossType: 'ns' | 'hinge';
  /** A mean over each scale's logits, or one over all logits of a feature network, as published; both are summed. */
  lossMean: 'scale' | 'all';
  /**
   * One set of fakes for both updates: the discriminator learns from it first, then the generator answers the updated
   * one. Otherwise fresh noise for each, the generator first, as published.
   */
  shareFakes: boolean;
  /** R1 = gamma / 2 |d logits / dx|^2 on real images every `r1Every` iterations with that gain; 0 = off. */
  r1Gamma: number;
  r1Every: number;
  /** Images after which a contribution to the average has halved. */
  emaHalfLife: number;
  /** The half-life is at most this share of the images seen. */
  emaRampUp: number;
  xFlip: boolean;
  /**
   * The discriminator sees the student's images clipped to [-1, 1], as they are shown and saved. Otherwise it tells them by
   * what nobody sees: faint texture around a background of exactly -1.
   */
  clipFakes: boolean;
  /** The discriminator sees real and generated images through DiffAugment: help where images are few. */
  diffAugment: boolean;
  /** Heun steps of the teacher that imitation regresses. */
  imitationSteps: number;
  /** What imitation and cd make small: a difference of pixels, or of EfficientNet-Lite0's features at `featureSize`. */
  instanceLoss: 'l2' | 'lite0';
  /** Noise levels between `startSigma` and 0.002 of which cd compares neighbours. */
  cdSteps: number;
  /** The share that cd's target network keeps at a step; 0 = it is the student itself. */
  targetDecay: number;
}

const SMALL: DistilConfig = {
  method: 'gdd-i',
  freeze: null,
  images: 10_000,
  batch: 32,
  microBatch: 0,
  batchGpu: 0,
  seed: 0,
  dtype: 'f32',
  startSigma: 2.5,
  nfe: 1,
  sigmaMid: SIGMA_MID,
  generatorRate: 2e-4,
  discriminatorRate: 4e-4,
  warmUp: 1_600,
  features: 'efficientnet-lite0',
  secondFeatures: 'none',
  secondFirst: true,
  featureSize: 128,
  heads: 'small',
  headWidth: 128,
  classEmbeddings: 'random',
  lossType: 'ns',
  lossMean: 'scale',
  shareFakes: true,
  r1Gamma: 0,
  r1Every: 16,
  emaHalfLife: 8_000,
  emaRampUp: 0.25,
  xFlip: true,
  clipFakes: true,
  diffAugment: false,
  imitationSteps: 9,
  instanceLoss: 'l2',
  cdSteps: 18,
  targetDecay: 0.95,
};

/**
 * The published commands (train.sh of Zyriix/D2O), per data set, on four GPUs. EfficientNet-Lite0 alone stands for its
 * pairs with VGG16-BN and DeiT-B until one of those is given as a file.
 */
const PAPER: DistilConfig = {
  ...SMALL,
  batch: 256,
  batchGpu: 64,
  seed: 42,
  startSigma: START_SIGMA,
  warmUp: 0,
  heads: 'paper',
  featureSize: 224,
  lossMean: 'all',
  shareFakes: false,
  r1Gamma: 1e-4,
  emaHalfLife: 500_000,
  emaRampUp: 0.05,
  xFlip: false,
  clipFakes: false,
};

/** Settings that belong together: ours for small batches, and those of the paper's three runs (docs/method.md has both side by side). */
export const PRESETS = {
  small: SMALL,
  'small-encoder': { ...SMALL, features: 'teacher-encoder' },
  'paper-cifar10': { ...PAPER, generatorRate: 1e-4, discriminatorRate: 1e-4, images: 5_000_000 },
  'paper-faces': { ...PAPER, generatorRate: 2e-5, discriminatorRate: 4e-5, images: 10_000_000 },
  'paper-imagenet': {
    ...PAPER,
    generatorRate: 8e-6,
    discriminatorRate: 4e-5,
    batch: 512,
    batchGpu: 128,
    emaHalfLife: 50_000_000,
    images: 10_000_000,
  },
} as const satisfies Record<string, DistilConfig>;

export type PresetName = keyof typeof PRESETS;

/**
 * For every teacher: on EfficientNet the distance keeps falling, where the teacher's own encoder is faster at first and
 * then wanders (docs/distil.md has both curves).
 */
export const DEFAULT_PRESET: PresetName = 'small';

/** A preset's settings. Throws `bad-argument` for a name that is none. */
export function preset(name: string): DistilConfig {
  if (Object.hasOwn(PRESETS, name)) return { ...PRESETS[name as PresetName] };
  throw new InnateError('bad-argument', 'no such preset', {
    expected: Object.keys(PRESETS).join(', '),
    found: name,
  });
}

/** What runs were made with before these were values of a run. */
const BEFORE = {
  dtype: 'f32',
  startSigma: START_SIGMA,
  nfe: 1,
  sigmaMid: SIGMA_MID,
  warmUp: 0,
  freeze: null,
  batchGpu: 0,
  secondFeatures: 'none',
  secondFirst: false,
  classEmbeddings: 'random',
  lossType: 'ns',
  clipFakes: false,
  diffAugment: false,
  instanceLoss: 'l2',
  cdSteps: 18,
  targetDecay: 0.95,
} as const;

/** The configuration of a saved run: what an older one does not name is what it ran with. */
export const savedConfig = (config: Partial<DistilConfig>): DistilConfig => ({
  ...BEFORE,
  ...(config as DistilConfig), // complete in all that every version has named
});

/** How the student of a run makes its images. */
export const studentSampling = ({
  startSigma,
  nfe,
  sigmaMid,
}: Pick<DistilConfig, 'startSigma' | 'nfe' | 'sigmaMid'>): ModelSampling => ({
  sigma: startSigma,
  sigmaMid: nfe === 2 ? sigmaMid : null,
});

/** The settings of a run that goes on from a student: its images are made as that one's are. */
export const samplingConfig = (
  { sigma, sigmaMid }: ModelSampling,
  base: DistilConfig,
): Pick<DistilConfig, 'startSigma' | 'nfe' | 'sigmaMid'> => ({
  startSigma: sigma,
  nfe: sigmaMid === null ? base.nfe : 2,
  sigmaMid: sigmaMid ?? base.sigmaMid,
});

/** The shipped feature network that a run looks through; null where it compares pixels. */
export const featuresOf = ({
  method,
  features,
  instanceLoss,
}: Pick<DistilConfig, 'method' | 'features' | 'instanceLoss'>): FeatureName | null => {
  if (isAdversarial(method)) return features;
  return instanceLoss === 'lite0' ? 'efficientnet-lite0' : null;
};

/** Images whose activations are held, and whose batch statistics are taken, together. */
export const partSize = ({
  batch,
  microBatch,
  batchGpu,
}: Pick<DistilConfig, 'batch' | 'microBatch' | 'batchGpu'>): number =>
  Math.min(batch, microBatch || batch, batchGpu || batch);

/** Images of the parts that a batch is taken in, in order. */
export function partSizes(config: Pick<DistilConfig, 'batch' | 'microBatch' | 'batchGpu'>): number[] {
  const part = partSize(config);
  return Array.from({ length: Math.ceil(config.batch / part) }, (_, i) =>
    Math.min(part, config.batch - i * part),
  );
}

/** Images of a batch over which the loss is summed, as on one GPU of a published run; 1 = it is a mean. */
export const lossImages = ({ batch, batchGpu }: Pick<DistilConfig, 'batch' | 'batchGpu'>): number =>
  batchGpu > 0 ? Math.min(batch, batchGpu) : 1;
