import {
  type DistilConfig,
  type FeatureName,
  featuresOf,
  isAdversarial,
  type Method,
  type PresetName,
} from '../../distil/config';
import { MAX_SEED } from '../../rng/seeds';

/** Names and ranges of what can be set before a run. */

export const METHODS: readonly Method[] = ['gdd-i', 'gdd', 'imitation', 'cd'];
export const METHOD_NAMES: Record<Method, string> = {
  'gdd-i': 'GDD-I',
  gdd: 'GDD',
  imitation: 'Imitation',
  cd: 'CD',
};

/** "GDD-I", "GDD-I in two steps". */
export const methodText = ({ method, nfe }: Pick<DistilConfig, 'method' | 'nfe'>): string =>
  nfe === 2 ? `${METHOD_NAMES[method]} in two steps` : METHOD_NAMES[method];

const FEATURE_NAMES: Record<FeatureName, string> = {
  'efficientnet-lite0': 'EfficientNet-Lite0',
  'teacher-encoder': 'Teacher’s encoder',
  'mobilenet-v1-0.25': 'MobileNet v1 0.25',
};

export const PRESET_NAMES: Record<PresetName, string> = {
  small: 'Small GPU',
  'small-encoder': 'Small, teacher’s encoder',
  'paper-cifar10': 'Paper, CIFAR-10',
  'paper-faces': 'Paper, faces',
  'paper-imagenet': 'Paper, ImageNet',
};

const HEAD_NAMES: Record<DistilConfig['heads'], string> = {
  small: 'Small, no batch norm',
  paper: 'Paper, batch norm',
};

const LOSS_NAMES: Record<DistilConfig['lossMean'], string> = {
  scale: 'A mean per scale',
  all: 'One mean over all',
};

const LOSS_TYPES: Record<DistilConfig['lossType'], string> = {
  ns: 'Non-saturating',
  hinge: 'Hinge',
};

const INSTANCE_LOSSES: Record<DistilConfig['instanceLoss'], string> = {
  l2: 'Pixels',
  lite0: 'EfficientNet-Lite0’s features',
};

/** A choice of a run that its presets make too. */
export interface ConfigChoice {
  key: 'features' | 'heads' | 'lossType' | 'lossMean' | 'instanceLoss';
  label: string;
  /** By value, as people read them. */
  names: Readonly<Record<string, string>>;
}

const WITH_DISCRIMINATOR: readonly ConfigChoice[] = [
  { key: 'features', label: 'Features', names: FEATURE_NAMES },
  { key: 'heads', label: 'Heads', names: HEAD_NAMES },
  { key: 'lossType', label: 'Loss', names: LOSS_TYPES },
  { key: 'lossMean', label: 'Loss is', names: LOSS_NAMES },
];
const WITHOUT_DISCRIMINATOR: readonly ConfigChoice[] = [
  { key: 'instanceLoss', label: 'Compares', names: INSTANCE_LOSSES },
];

export const choicesOf = (method: Method): readonly ConfigChoice[] =>
  isAdversarial(method) ? WITH_DISCRIMINATOR : WITHOUT_DISCRIMINATOR;

type NumberKey = {
  [K in keyof DistilConfig]: DistilConfig[K] extends number ? K : never;
}[keyof DistilConfig];

export interface ConfigField {
  key: NumberKey;
  label: string;
  /** A short text shown beside the label. */
  range: string;
  min: number;
  max: number;
  whole?: boolean;
  /** A learning rate or a weight: written as 2e-4. */
  small?: boolean;
  /** Methods that use it; all where it is left out. */
  methods?: readonly Method[];
  /** Whether a run of those methods uses it. */
  when?: (config: DistilConfig) => boolean;
  /** Shown when asked for. */
  rare?: boolean;
}

const ADVERSARIAL: readonly Method[] = ['gdd-i', 'gdd'];

/** Every number of a run, those that one changes first before the rest. */
const FIELDS: readonly ConfigField[] = [
  { key: 'images', label: 'Images', range: 'up to 10 M', min: 1, max: 10_000_000, whole: true },
  { key: 'batch', label: 'Batch', range: '2 to 512', min: 2, max: 512, whole: true },
  { key: 'generatorRate', label: 'Generator rate', range: '1e-6 to 1e-2', min: 1e-6, max: 1e-2, small: true },
  {
    key: 'discriminatorRate',
    label: 'Discriminator rate',
    range: '1e-6 to 1e-2',
    min: 1e-6,
    max: 1e-2,
    small: true,
    methods: ADVERSARIAL,
  },
  {
    key: 'imitationSteps',
    label: 'Teacher’s steps',
    range: '2 to 100',
    min: 2,
    max: 100,
    whole: true,
    methods: ['imitation'],
  },
  {
    key: 'cdSteps',
    label: 'Noise levels',
    range: '2 to 1,024',
    min: 2,
    max: 1024,
    whole: true,
    methods: ['cd'],
  },
  {
    key: 'startSigma',
    label: 'Start sigma',
    range: 'of its first step; 80 in the paper',
    min: 0.1,
    max: 200,
  },
  { key: 'seed', label: 'Seed', range: 'of the run', min: 0, max: MAX_SEED, whole: true },
  {
    key: 'microBatch',
    label: 'Micro-batch',
    range: '0 = automatic',
    min: 0,
    max: 512,
    whole: true,
    rare: true,
  },
  {
    key: 'batchGpu',
    label: 'Loss summed over',
    range: 'images; 0 = a mean',
    min: 0,
    max: 512,
    whole: true,
    rare: true,
    methods: ADVERSARIAL,
  },
  {
    key: 'warmUp',
    label: 'Warm-up',
    range: 'images; 0 = off',
    min: 0,
    max: 10_000_000,
    whole: true,
    rare: true,
  },
  {
    key: 'emaHalfLife',
    label: 'EMA half-life',
    range: 'images',
    min: 0,
    max: 100_000_000,
    whole: true,
    rare: true,
  },
  {
    key: 'emaRampUp',
    label: 'EMA ramp-up',
    range: 'share of images seen; 0 = off',
    min: 0,
    max: 1,
    rare: true,
  },
  {
    key: 'r1Gamma',
    label: 'R1 gamma',
    range: '0 = off',
    min: 0,
    max: 100,
    small: true,
    rare: true,
    methods: ADVERSARIAL,
  },
  {
    key: 'r1Every',
    label: 'R1 every',
    range: 'steps',
    min: 1,
    max: 1000,
    whole: true,
    rare: true,
    methods: ADVERSARIAL,
  },
  {
    key: 'featureSize',
    label: 'Features see',
    range: '32 to 512 pixels',
    min: 32,
    max: 512,
    whole: true,
    rare: true,
    when: (config) => featuresOf(config) !== null,
  },
  {
    key: 'targetDecay',
    label: 'Target’s average',
    range: 'share kept a step; 0 = none',
    min: 0,
    max: 0.9999,
    rare: true,
    methods: ['cd'],
  },
  {
    key: 'headWidth',
    label: 'Head width',
    range: '8 to 512',
    min: 8,
    max: 512,
    whole: true,
    rare: true,
    methods: ADVERSARIAL,
  },
];

export const fieldsOf = (config: DistilConfig, rare: boolean): ConfigField[] =>
  FIELDS.filter(
    (f) =>
      (f.rare ?? false) === rare &&
      (f.methods?.includes(config.method) ?? true) &&
      (f.when?.(config) ?? true),
  );
