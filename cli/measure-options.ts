import { InvalidArgumentError, Option } from 'commander';
import {
  MEASURE_FEATURES,
  MEASURE_PROTOCOLS,
  METRIC_NAMES,
  type MeasureFeatures,
  type MeasureProtocol,
  type MetricName,
} from '../src/protocol/measure';
import { positiveInteger, required } from './options';

/** --features: a network that comes with the program, or Inception's weights in a file. */
export interface FeaturesChoice {
  features: MeasureFeatures;
  /** Path of Inception's weights. */
  file: string | null;
}

const SHIPPED = MEASURE_FEATURES.filter((name) => name !== 'inception');

export function featuresChoice(text: string): FeaturesChoice {
  const file = /^inception:(.+)$/.exec(text)?.[1];
  if (file !== undefined) return { features: 'inception', file };
  const features = SHIPPED.find((name) => name === text);
  if (features) return { features, file: null };
  throw new InvalidArgumentError(`one of ${SHIPPED.join(', ')}, or inception:FILE is expected`);
}

function metricList(text: string): MetricName[] {
  return text.split(',').map((name) => {
    const metric = METRIC_NAMES.find((known) => known === name.trim());
    if (metric) return metric;
    throw new InvalidArgumentError(`some of ${METRIC_NAMES.join(', ')} are expected`);
  });
}

const featuresOption = () =>
  new Option('--features <name>', `what images are compared by: ${SHIPPED.join(', ')}, or inception:FILE`)
    .argParser(featuresChoice)
    .default(featuresChoice('resnet56'), 'resnet56');

/** What `evaluate` is told beside a model's own options. */
export interface MeasureFlags {
  data: string;
  features: FeaturesChoice;
  /** Whatever can be had where it is absent. */
  metrics?: MetricName[];
  count?: number;
  reference?: number;
  protocol?: MeasureProtocol;
  saveFeatures?: string;
}

export const measureOptions = (): Option[] => [
  required(
    '--data <path>',
    'real images (data-set zip, CIFAR-10 archive, .npz, folder) or statistics (.npz)',
  ),
  featuresOption(),
  new Option(
    '--metrics <list>',
    `some of ${METRIC_NAMES.join(', ')} (default: all that can be had)`,
  ).argParser(metricList),
  new Option(
    '--count <n>',
    'images to generate (default: 1000; 5000 with quick, three times 50000 with edm), or to take of those given',
  ).argParser(positiveInteger),
  new Option('--reference <n>', 'real images to compare with (default: 5000, all with edm)').argParser(
    positiveInteger,
  ),
  new Option('--protocol <name>', "seeds, counts and Inception's input as others have them").choices([
    ...MEASURE_PROTOCOLS,
  ]),
  new Option('--save-features <file>', '.npz for the feature vectors, their mean and covariance'),
];

/** `nearest` compares pixels too. */
export const nearestOptions = (): Option[] => [
  required('--data <path>', 'the training images: data-set zip, CIFAR-10 archive, .npz, or a folder'),
  new Option('--seeds <list>', 'list of seeds, such as 0-15,20; of given images, which of them').default(
    '0-15',
  ),
  new Option('--features <name>', `where distances are: ${SHIPPED.join(', ')}, pixels, or inception:FILE`)
    .argParser((text) => (text === 'pixels' ? text : featuresChoice(text)))
    .default(featuresChoice('lite0'), 'lite0'),
  required('--out <file>', 'sheet.png: each image with its nearest training images'),
];
