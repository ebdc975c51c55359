import { InnateError } from '../lib/errors';
import type { PrecondKind } from '../lib/preconditioning';
import { iddpmLevels } from './iddpm';

/** Arguments of SongUNet and DhariwalUNet in NVlabs/edm's training/networks.py, in camel case. */
export interface UNetConfig {
  modelType: 'SongUNet' | 'DhariwalUNet';
  imgResolution: number;
  inChannels: number;
  outChannels: number;
  /** 0 = unconditional. */
  labelDim: number;
  augmentDim: number;
  modelChannels: number;
  channelMult: number[];
  channelMultEmb: number;
  numBlocks: number;
  attnResolutions: number[];
  embeddingType: 'fourier' | 'positional';
  channelMultNoise: number;
  encoderType: 'standard' | 'skip' | 'residual';
  decoderType: 'standard' | 'skip';
  resampleFilter: number[];
}

/** A network and its preconditioning; only iDDPMPrecond's has noise levels of its own. */
export type NetworkConfig = ContinuousConfig | DiscreteConfig;

interface ContinuousConfig extends AnyConfig {
  precond: Exclude<PrecondKind, 'iDDPMPrecond'>;
  iddpm: null;
}

interface DiscreteConfig extends AnyConfig {
  precond: 'iDDPMPrecond';
  /** Its schedule, and its noise levels u[0..M] from the highest to 0. */
  iddpm: { C1: number; C2: number; M: number; levels: Float32Array };
}

interface AnyConfig {
  /** Standard deviation of the training data, 0.5 in every published checkpoint. */
  sigmaData: number;
  /** What GDDPrecond and ECMPrecond take from sigma, so that D is the identity there; 0 for the others. */
  sigmaShift: number;
  /** VPPrecond's schedule; ignored by the others. */
  vp: { betaD: number; betaMin: number; M: number };
  unet: UNetConfig;
}

type Kwargs = ReadonlyMap<string, unknown>;

function fail(key: string, expected: string, found: unknown): never {
  throw new InnateError('bad-file', 'an architecture argument is not usable', {
    where: key,
    expected,
    found: String(JSON.stringify(found)).slice(0, 60),
  });
}

function integer(kwargs: Kwargs, key: string, fallback: number | null, min: number, max: number): number {
  const value = kwargs.get(key) ?? fallback;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max)
    fail(key, `an integer from ${min} to ${max}`, value);
  return value as number;
}

function real(kwargs: Kwargs, key: string, fallback: number): number {
  const value = kwargs.get(key) ?? fallback;
  if (typeof value !== 'number' || !Number.isFinite(value)) fail(key, 'a finite number', value);
  return value as number;
}

function oneOf<T extends string>(kwargs: Kwargs, key: string, fallback: T, allowed: readonly T[]): T {
  const value = kwargs.get(key) ?? fallback;
  if (!allowed.includes(value as T)) fail(key, allowed.join(' or '), value);
  return value as T;
}

function integers(kwargs: Kwargs, key: string, fallback: number[], maxLength: number): number[] {
  const value = kwargs.get(key) ?? fallback;
  const good =
    Array.isArray(value) &&
    value.length <= maxLength &&
    value.every((v) => typeof v === 'number' && Number.isInteger(v) && v > 0 && v <= 4096);
  if (!good) fail(key, `up to ${maxLength} positive integers`, value);
  return [...(value as number[])];
}

/** Sanity bounds, so that a damaged file cannot ask for a network of absurd size. */
const LIMITS = { resolution: 1024, channels: 8, width: 1024, labels: 100_000, blocks: 16 };

/** Time shift of GDDPrecond, and what ECMPrecond's sigma_min is when the file does not say. */
const GDD_SHIFT = 0.002;
const ECM_SIGMA_MIN = 0.003;

function sigmaShift(kwargs: Kwargs, precond: PrecondKind): number {
  if (precond === 'GDDPrecond') return GDD_SHIFT;
  if (precond !== 'ECMPrecond') return 0;
  const value = real(kwargs, 'sigma_min', ECM_SIGMA_MIN);
  return value >= 0 ? value : fail('sigma_min', 'a number from 0', value);
}

function iddpm(kwargs: Kwargs, stored: Float32Array | undefined): DiscreteConfig['iddpm'] {
  const C1 = real(kwargs, 'C_1', 0.001);
  const C2 = real(kwargs, 'C_2', 0.008);
  const M = integer(kwargs, 'M', stored ? stored.length - 1 : 1000, 2, 100_000);
  if (stored && stored.length !== M + 1) fail('u', `${M + 1} noise levels`, stored.length);
  return { C1, C2, M, levels: stored ?? iddpmLevels(M, C1, C2) };
}

/**
 * The network that a checkpoint's constructor arguments describe (`img_resolution`, `model_channels`, ...).
 * Defaults are those of the published classes. `levels` are the noise levels that a file of iDDPMPrecond stores.
 */
export function configFromKwargs(kwargs: Kwargs, precond: PrecondKind, levels?: Float32Array): NetworkConfig {
  const modelType = oneOf(kwargs, 'model_type', 'DhariwalUNet', ['SongUNet', 'DhariwalUNet'] as const);
  const song = modelType === 'SongUNet';
  const imgChannels = integer(kwargs, 'img_channels', null, 1, LIMITS.channels);
  const unet: UNetConfig = {
    modelType,
    imgResolution: integer(kwargs, 'img_resolution', null, 2, LIMITS.resolution),
    inChannels: imgChannels,
    outChannels: imgChannels,
    labelDim: integer(kwargs, 'label_dim', 0, 0, LIMITS.labels),
    augmentDim: integer(kwargs, 'augment_dim', 0, 0, 1024),
    modelChannels: integer(kwargs, 'model_channels', song ? 128 : 192, 4, LIMITS.width),
    channelMult: integers(kwargs, 'channel_mult', song ? [1, 2, 2, 2] : [1, 2, 3, 4], 10),
    channelMultEmb: integer(kwargs, 'channel_mult_emb', 4, 1, 16),
    numBlocks: integer(kwargs, 'num_blocks', song ? 4 : 3, 1, LIMITS.blocks),
    attnResolutions: integers(kwargs, 'attn_resolutions', song ? [16] : [32, 16, 8], 10),
    embeddingType: song
      ? oneOf(kwargs, 'embedding_type', 'positional', ['positional', 'fourier'] as const)
      : 'positional',
    channelMultNoise: song ? integer(kwargs, 'channel_mult_noise', 1, 1, 16) : 1,
    encoderType: song
      ? oneOf(kwargs, 'encoder_type', 'standard', ['standard', 'skip', 'residual'] as const)
      : 'standard',
    decoderType: song ? oneOf(kwargs, 'decoder_type', 'standard', ['standard', 'skip'] as const) : 'standard',
    resampleFilter: song ? integers(kwargs, 'resample_filter', [1, 1], 8) : [1, 1],
  };
  checkUNet(unet);
  const config: AnyConfig = {
    sigmaData: real(kwargs, 'sigma_data', 0.5),
    sigmaShift: sigmaShift(kwargs, precond),
    vp: {
      betaD: real(kwargs, 'beta_d', 19.9),
      betaMin: real(kwargs, 'beta_min', 0.1),
      M: real(kwargs, 'M', 1000),
    },
    unet,
  };
  return precond === 'iDDPMPrecond'
    ? { ...config, precond, iddpm: iddpm(kwargs, levels) }
    : { ...config, precond, iddpm: null };
}

function checkUNet(unet: UNetConfig): void {
  const { channelMult, imgResolution, resampleFilter } = unet;
  if (channelMult.length === 0) fail('channel_mult', 'at least one level', channelMult);
  const divisor = 2 ** (channelMult.length - 1);
  if (imgResolution % divisor !== 0) fail('img_resolution', `a multiple of ${divisor}`, imgResolution);
  if (resampleFilter.length % 2 !== 0 || resampleFilter.length === 0)
    fail('resample_filter', 'an even number of taps', resampleFilter);
}

/**
 * The constructor arguments of a network, as published checkpoints name them: what `configFromKwargs` reads
 * back. `model_kwargs` holds the U-Net's own, as our .safetensors metadata stores them.
 */
export function kwargsFromConfig(config: NetworkConfig): {
  top: Record<string, number>;
  model: Record<string, unknown>;
} {
  const u = config.unet;
  const model: Record<string, unknown> = {
    model_type: u.modelType,
    model_channels: u.modelChannels,
    channel_mult: u.channelMult,
    channel_mult_emb: u.channelMultEmb,
    num_blocks: u.numBlocks,
    attn_resolutions: u.attnResolutions,
  };
  if (u.augmentDim) model.augment_dim = u.augmentDim;
  if (u.modelType === 'SongUNet') {
    model.embedding_type = u.embeddingType;
    model.channel_mult_noise = u.channelMultNoise;
    model.encoder_type = u.encoderType;
    model.decoder_type = u.decoderType;
    model.resample_filter = u.resampleFilter;
  }
  const top: Record<string, number> = {
    img_resolution: u.imgResolution,
    img_channels: u.inChannels,
    label_dim: u.labelDim,
  };
  if (config.sigmaData !== 0.5) top.sigma_data = config.sigmaData;
  if (config.precond === 'VPPrecond') {
    top.beta_d = config.vp.betaD;
    top.beta_min = config.vp.betaMin;
    top.M = config.vp.M;
  }
  if (config.precond === 'ECMPrecond') top.sigma_min = config.sigmaShift;
  if (config.iddpm) {
    top.M = config.iddpm.M;
    top.C_1 = config.iddpm.C1;
    top.C_2 = config.iddpm.C2;
  }
  return { top, model };
}
