import { openModelArgument } from '../../cli/catalogue';
import { openData } from '../../cli/data';
import { BatchSampler } from '../../src/data';
import { type DistilConfig, preset } from '../../src/distil/config';
import type { BatchSource } from '../../src/distil/trainer';
import type { NetworkConfig } from '../../src/nn/config';
import type { WeightSource } from '../../src/nn/weights';
import { NETS } from '../nets';
import { seededWeights } from '../weights';

/** What `npm run bench -- --train` distils: teacher, images, recipe. */
export const TRAIN_NET_NAMES = ['clothes', 'cats', 'cifar56'] as const;
export type TrainNetName = (typeof TRAIN_NET_NAMES)[number];

/** What stands in for a teacher where `TrainNet.teacher` is null. */
export const SEEDED_NET = NETS.cifar;

interface TrainNet {
  title: string;
  /** Id in the catalogue; null: the seeded weights of `SEEDED_NET`. */
  teacher: string | null;
  data: string;
  preset: string;
  batch: number;
  /** PyTorch's recipe of the same run: its data set and method. Teacher, preset and batch are this run's. */
  recipe: string;
}

export const TRAIN_NETS: Readonly<Record<TrainNetName, TrainNet>> = {
  clothes: {
    title: 'Fashion-MNIST 32x32, 1.3 M, GDD-I, EfficientNet-Lite0 at 128',
    teacher: 'fashion-mnist-32x32-teacher',
    data: 'public/data/fashion-mnist-32x32.zip',
    preset: 'small',
    batch: 16,
    recipe: 'fashion-mnist-32x32-gdd-i',
  },
  cats: {
    title: 'AFHQ cats 64x64, 3.4 M, GDD-I, EfficientNet-Lite0 at 128',
    teacher: 'afhq-cat-64x64-teacher',
    data: 'public/data/afhq-cat-64x64.zip',
    preset: 'small',
    batch: 8,
    recipe: 'afhq-cat-64x64-gdd-i',
  },
  cifar56: {
    title: 'CIFAR-10 NCSN++, 56 M of random weights, GDD-I, EfficientNet-Lite0 at 128',
    teacher: null,
    data: 'public/data/cifar10-32x32.zip',
    preset: 'small',
    batch: 8,
    recipe: 'cifar10-32x32-gdd-i',
  },
};

export interface TrainSetup {
  network: NetworkConfig;
  teacher: WeightSource;
  data: BatchSource;
  config: DistilConfig;
}

/** Opens teacher and images; every engine draws the same batches. */
export async function openTrainNet(name: TrainNetName, batch: number): Promise<TrainSetup> {
  const net = TRAIN_NETS[name];
  const { config: network, weights: teacher } = net.teacher
    ? openModelArgument(net.teacher)
    : { config: SEEDED_NET.config, weights: seededWeights(SEEDED_NET.config, SEEDED_NET.seed) };
  const config: DistilConfig = { ...preset(net.preset), batch };
  const { seed, xFlip } = config;
  const sampler = new BatchSampler(await openData(net.data, network), { seed, xflip: xFlip });
  const data: BatchSource = {
    get position() {
      return sampler.position;
    },
    next: async (count) => {
      const { images, labels } = await sampler.next(count);
      return { images, labels };
    },
  };
  return { network, teacher, data, config };
}
