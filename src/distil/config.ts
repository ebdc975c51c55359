import { type TrainingDtype, WASM_TRAINING_BYTES } from '../lib/backends';
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

/** Throws a `bad-argument` error that names the first number that cannot be trained with. */
export function checkNumbers(config: DistilConfig): void {
  const positive = [
    'images',
    'batch',
    'generatorRate',
    'discriminatorRate',
    'featureSize',
    'headWidth',
    'r1Every',
    'imitationSteps',
    'startSigma',
    'sigmaMid',
  ] as const;
  for (const key of positive)
    if (!(config[key] > 0) || !Number.isFinite(config[key]))
      throw new InnateError('bad-argument', 'not a usable number', {
        where: key,
        expected: 'a positive number',
        found: String(config[key]),
      });
  for (const key of ['warmUp', 'batchGpu'] as const)
    if (!(config[key] >= 0) || !Number.isFinite(config[key]))
      throw new InnateError('bad-argument', 'not a usable number', {
        where: key,
        expected: 'a number of images, or 0',
        found: String(config[key]),
      });
  if (config.nfe === 2 && config.sigmaMid >= config.startSigma)
    throw new InnateError('bad-argument', 'the second evaluation is not below the first', {
      where: 'sigmaMid',
      expected: `a noise level below the start sigma, ${config.startSigma}`,
      found: String(config.sigmaMid),
    });
  if (config.method === 'cd' && config.nfe !== 1)
    throw new InnateError('bad-argument', 'consistency distillation learns every noise level, not two', {
      where: 'nfe',
      expected: '1',
      found: String(config.nfe),
    });
  if (!(config.cdSteps >= 2 && config.targetDecay >= 0 && config.targetDecay < 1))
    throw new InnateError('bad-argument', 'consistency distillation is not possible with these', {
      where: 'cdSteps, targetDecay',
      expected: 'at least 2 levels, and a share from 0 up to 1',
      found: `${config.cdSteps}, ${config.targetDecay}`,
    });
  if (isAdversarial(config.method) && config.batch < 2)
    throw new InnateError('bad-argument', 'the discriminator compares images of a batch', {
      where: 'batch',
      expected: 'at least 2',
      found: String(config.batch),
    });
}

/** Images of a batch from which on the paper's heads do not collapse. */
export const PAPER_BATCH = 128;

/** Throws a `bad-argument` error where `checkNumbers` does, and where the choices together would collapse. */
export function checkConfig(config: DistilConfig): void {
  checkNumbers(config);
  if (config.heads === 'small' || config.batch >= PAPER_BATCH) return;
  throw new InnateError('bad-argument', "the paper's heads collapse at small batches", {
    where: 'heads',
    expected: `a batch of at least ${PAPER_BATCH}, or heads 'small'`,
    found: `batch ${config.batch}`,
  });
}

/**
 * The share of what a plan holds of an image that is left where everything is recomputed that can be: 0.41 to 0.44 with the small
 * networks and with CIFAR-10's of 56 M. A GAN's whole batch is recomputed before it is taken in parts: its discriminator compares the images
 * of a batch, so that parts are another run, and in parts student and features look at the fakes once for each network, which
 * costs as much forward as recomputing does. Steps that follow the teacher image by image lose nothing in parts, and are taken in
 * parts first. R1 differentiates gradients, and nothing of its step is recomputed.
 */
export const leastShare = (config: DistilConfig): number =>
  isAdversarial(config.method) && config.r1Gamma === 0 ? 0.45 : 1;

/** What a feature network takes of WebAssembly's memory with its mixing and its heads, by their style: for an image, and its weights in all their forms. */
interface Judge {
  image: Record<HeadStyle, number>;
  weights: number;
}

/** Of features of 128x128; of the teacher's encoder at 32x32. Measured as memory of whole runs, two sizes of a batch each. */
const LITE: Judge = { image: { small: 10.2e6, paper: 16.2e6 }, weights: 0 };
const ENCODER: Judge = { image: { small: 3e6, paper: 9.8e6 }, weights: 0 };
const SECOND: Record<FileFeature, Judge> = {
  'vgg16-bn': { image: { small: 26e6, paper: 54.1e6 }, weights: 0.55e9 },
  'deit-distilled': { image: { small: 22.9e6, paper: 30.5e6 }, weights: 0.92e9 },
};
/** Weights of the paper's heads on the first network, with their gradients and moments. */
const PAPER_BYTES = 0.2e9;
/** What a step of R1 holds of an image, without the student, by what features and heads hold otherwise. */
const R1 = 1.2;

/**
 * Bytes of an image at the peak of a step, whose values share memory by lifetime: 13.7 MB with the small network at 32x32 and
 * features at 128x128. Gradients go through both evaluations of a two-step student: the activations of both are held.
 */
function bytesPerImage(config: DistilConfig, resolution: number): number {
  const { method, heads, features, secondFeatures, featureSize, nfe, r1Gamma } = config;
  const [own, looked] = [(resolution / 32) ** 2, (featureSize / 128) ** 2];
  const network = 3.5e6 * nfe * own;
  if (!isAdversarial(method)) return network + (featuresOf(config) === null ? 0 : LITE.image.small * looked);
  const first = features === 'teacher-encoder' ? ENCODER.image[heads] * own : LITE.image[heads] * looked;
  const second = secondFeatures === 'none' ? 0 : SECOND[secondFeatures].image[heads] * looked;
  const judges = first + second;
  return Math.max(network + judges, r1Gamma > 0 ? R1 * judges : 0);
}

/** Bytes that a run takes whatever its batch, beside the student. */
function fixedBytes({ method, heads, secondFeatures }: DistilConfig): number {
  if (!isAdversarial(method)) return 0;
  const second = secondFeatures === 'none' ? 0 : SECOND[secondFeatures].weights;
  return second + (heads === 'paper' ? PAPER_BYTES : 0);
}

/**
 * On WebAssembly, a batch that would not fit at once, whatever of it is recomputed, is taken in parts of one size. A GPU says itself when
 * its memory ends.
 */
export function fitMicroBatch(config: DistilConfig, resolution: number, backend: string): DistilConfig {
  if (config.microBatch > 0 || backend !== 'wasm') return config;
  const room = WASM_TRAINING_BYTES - fixedBytes(config);
  const fits = Math.max(2, Math.floor(room / leastShare(config) / bytesPerImage(config, resolution)));
  if (fits >= partSize(config)) return config;
  return { ...config, microBatch: Math.ceil(config.batch / Math.ceil(config.batch / fits)) };
}
