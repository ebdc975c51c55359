import { InnateError } from '../lib/errors';
import type { UNetConfig } from './config';

/**
 * The modules of a U-Net's encoder and decoder, in execution order: the one table that the forward pass,
 * the parameter list, the freeze lists and every view of the layers read.
 */
interface Base {
  /** Published module name without `model.`, e.g. "enc.32x32_block0". */
  name: string;
  /** Height and width of the output. */
  resolution: number;
  inChannels: number;
  outChannels: number;
}

export interface ConvSpec extends Base {
  kind: 'conv';
  /** 0: only resampling. */
  kernel: 0 | 1 | 3;
  resample: 'none' | 'up' | 'down';
  /** Convolve at full resolution, then filter down (aux_residual); otherwise filter first. */
  fused: boolean;
}

export interface NormSpec extends Base {
  kind: 'norm';
  eps: number;
}

export interface UNetBlockSpec extends Base {
  kind: 'block';
  resample: 'none' | 'up' | 'down';
  /** Attention heads, 0 = none. */
  heads: number;
  /** The input is the previous output joined with the encoder's matching one. */
  joinsSkip: boolean;
  /** Kernel of the skip path: null = identity. */
  skipKernel: 0 | 1 | null;
}

export type BlockSpec = ConvSpec | NormSpec | UNetBlockSpec;

/** What SongUNet and DhariwalUNet set differently in every one of their blocks (their `block_kwargs`). */
export interface BlockStyle {
  /** Embedding as scale and shift of norm1's output (ADM), or added before norm1. */
  adaptiveScale: boolean;
  /** Factor after every residual sum. */
  skipScale: number;
  eps: number;
}

/** The style of a network's blocks, by its class. */
export function blockStyle(config: UNetConfig): BlockStyle {
  return config.modelType === 'SongUNet'
    ? { adaptiveScale: false, skipScale: Math.SQRT1_2, eps: 1e-6 }
    : { adaptiveScale: true, skipScale: 1, eps: 1e-5 };
}

/** Groups of every GroupNorm of the family. */
export const groupCount = (channels: number): number => Math.min(32, Math.floor(channels / 4));

/**
 * All blocks of a U-Net in the order of execution, encoder before decoder, under their published names
 * ("enc.32x32_block0").
 */
export function unetBlocks(config: UNetConfig): BlockSpec[] {
  const { blocks, channels, skips } = encoderBlocks(config);
  return [...blocks, ...decoderBlocks(config, channels, skips)];
}

/** Makes the U-Net blocks of a network by name, height and width of the output, and channels. */
function blockMaker(config: UNetConfig) {
  const song = config.modelType === 'SongUNet';
  const heads = (attention: boolean, channels: number) =>
    !attention ? 0 : song ? 1 : Math.floor(channels / 64);
  return (
    name: string,
    resolution: number,
    inChannels: number,
    outChannels: number,
    extra: Partial<Pick<UNetBlockSpec, 'resample' | 'joinsSkip'>> & { attention?: boolean } = {},
  ): UNetBlockSpec => {
    const { attention = false, resample = 'none', joinsSkip = false } = extra;
    const reshaped = inChannels !== outChannels || resample !== 'none';
    // SongUNet projects every reshaped skip (resample_proj), ADM only where the channels change.
    const skipKernel = !reshaped ? null : song || inChannels !== outChannels ? 1 : 0;
    checkGroups(name, inChannels);
    checkGroups(name, outChannels);
    return {
      kind: 'block',
      name,
      resolution,
      inChannels,
      outChannels,
      resample,
      heads: heads(attention, outChannels),
      joinsSkip,
      skipKernel,
    };
  };
}

const conv = (
  name: string,
  resolution: number,
  inChannels: number,
  outChannels: number,
  kernel: ConvSpec['kernel'],
  resample: ConvSpec['resample'] = 'none',
  fused = false,
): ConvSpec => ({ kind: 'conv', name, resolution, inChannels, outChannels, kernel, resample, fused });

/** Blocks from the image down, the channels of the last, and those of every output that the decoder joins. */
function encoderBlocks(config: UNetConfig): { blocks: BlockSpec[]; channels: number; skips: number[] } {
  const { modelChannels, channelMult, numBlocks, attnResolutions, imgResolution } = config;
  const song = config.modelType === 'SongUNet';
  const block = blockMaker(config);
  const blocks: BlockSpec[] = [];
  const skips: number[] = [];

  let channels = config.inChannels;
  let aux = config.inChannels;
  for (const [level, mult] of channelMult.entries()) {
    const res = imgResolution >> level;
    const at = `enc.${res}x${res}`;
    if (level === 0) {
      // ADM's first convolution is already as wide as its first level.
      const width = song ? modelChannels : modelChannels * mult;
      blocks.push(conv(`${at}_conv`, res, channels, width, 3));
      channels = width;
    } else {
      blocks.push(block(`${at}_down`, res, channels, channels, { resample: 'down' }));
      if (config.encoderType === 'skip') {
        blocks.push(conv(`${at}_aux_down`, res, aux, aux, 0, 'down'));
        blocks.push(conv(`${at}_aux_skip`, res, aux, channels, 1));
      }
      if (config.encoderType === 'residual') {
        blocks.push(conv(`${at}_aux_residual`, res, aux, channels, 3, 'down', true));
        aux = channels;
      }
    }
    skips.push(channels);
    for (let i = 0; i < numBlocks; i++) {
      const out = modelChannels * mult;
      blocks.push(block(`${at}_block${i}`, res, channels, out, { attention: attnResolutions.includes(res) }));
      channels = out;
      skips.push(channels);
    }
  }
  return { blocks, channels, skips };
}

/** Blocks from the lowest resolution up; `encoded` channels and the `joined` ones are what the encoder hands over. */
function decoderBlocks(config: UNetConfig, encoded: number, joined: readonly number[]): BlockSpec[] {
  const { modelChannels, channelMult, numBlocks, attnResolutions, imgResolution } = config;
  const song = config.modelType === 'SongUNet';
  const block = blockMaker(config);
  const blocks: BlockSpec[] = [];
  const skips = [...joined];
  let channels = encoded;
  for (let level = channelMult.length - 1; level >= 0; level--) {
    const res = imgResolution >> level;
    const at = `dec.${res}x${res}`;
    if (level === channelMult.length - 1) {
      blocks.push(block(`${at}_in0`, res, channels, channels, { attention: true }));
      blocks.push(block(`${at}_in1`, res, channels, channels));
    } else {
      blocks.push(block(`${at}_up`, res, channels, channels, { resample: 'up' }));
    }
    for (let i = 0; i <= numBlocks; i++) {
      const out = modelChannels * channelMult[level]!;
      // SongUNet attends only in the last decoder block of a resolution, ADM in all.
      const attention = attnResolutions.includes(res) && (!song || i === numBlocks);
      const input = channels + skips.pop()!;
      blocks.push(block(`${at}_block${i}`, res, input, out, { attention, joinsSkip: true }));
      channels = out;
    }
    if (song && (config.decoderType === 'skip' || level === 0)) {
      const image = config.outChannels;
      if (config.decoderType === 'skip' && level < channelMult.length - 1)
        blocks.push(conv(`${at}_aux_up`, res, image, image, 0, 'up'));
      blocks.push({
        kind: 'norm',
        name: `${at}_aux_norm`,
        resolution: res,
        inChannels: channels,
        outChannels: channels,
        eps: 1e-6,
      });
      blocks.push(conv(`${at}_aux_conv`, res, channels, image, 3));
    }
  }
  return blocks;
}

/** Channels that reach the output head (ADM's out_norm and out_conv). */
export const headChannels = (config: UNetConfig): number => config.modelChannels * config.channelMult[0]!;

function checkGroups(name: string, channels: number): void {
  const groups = groupCount(channels);
  if (groups >= 1 && channels % groups === 0) return;
  throw new InnateError('bad-file', 'group normalisation cannot split the channels', {
    where: name,
    expected: `a number of channels divisible by ${Math.max(groups, 1)} groups`,
    found: `${channels} channels`,
  });
}
