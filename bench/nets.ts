import { configFromKwargs, type NetworkConfig } from '../src/nn/config';

export type NetName = 'small' | 'cifar' | 'adm';
export const NET_NAMES: readonly NetName[] = ['small', 'cifar', 'adm'];

export interface BenchNet {
  name: NetName;
  /** For the report. */
  title: string;
  config: NetworkConfig;
  /** Key of the weights' random numbers. */
  seed: number;
  /** The noise level of one-step generation: D = F / 2, so that every layer shows in the result. */
  sigma: number;
  /** Images whose PyTorch output is stored; those beyond are checked against the other engines only. */
  goldenImages: number;
}

const song = {
  model_type: 'SongUNet',
  attn_resolutions: [16],
  embedding_type: 'fourier',
  encoder_type: 'residual',
  channel_mult_noise: 2,
  resample_filter: [1, 3, 3, 1],
};

const network = (kwargs: Record<string, unknown>): NetworkConfig =>
  configFromKwargs(new Map(Object.entries({ img_channels: 3, ...kwargs })), 'EDMPrecond');

export const NETS: Record<NetName, BenchNet> = {
  small: {
    name: 'small',
    title: 'NCSN++ 32x32, 64 channels x 1,2,2, 2 blocks',
    config: network({
      ...song,
      img_resolution: 32,
      model_channels: 64,
      channel_mult: [1, 2, 2],
      num_blocks: 2,
    }),
    seed: 1,
    sigma: 80,
    goldenImages: 4,
  },
  cifar: {
    name: 'cifar',
    title: 'NCSN++ of CIFAR-10, 32x32, 128 channels x 2,2,2, 4 blocks, 10 classes',
    config: network({
      ...song,
      img_resolution: 32,
      label_dim: 10,
      model_channels: 128,
      channel_mult: [2, 2, 2],
      num_blocks: 4,
    }),
    seed: 2,
    sigma: 80,
    goldenImages: 4,
  },
  adm: {
    name: 'adm',
    title: 'ADM of ImageNet, 64x64, 192 channels x 1,2,3,4, 3 blocks, 1000 classes',
    config: network({ model_type: 'DhariwalUNet', img_resolution: 64, label_dim: 1000 }),
    seed: 3,
    sigma: 80,
    goldenImages: 1,
  },
};
