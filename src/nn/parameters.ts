import { blockStyle, headChannels, unetBlocks } from './blocks';
import type { UNetConfig } from './config';

export interface ParameterSpec {
  /** Published name, e.g. "model.enc.32x32_block0.conv0.weight". */
  name: string;
  /** Published layout: OIHW for convolutions, [out, in] for linear layers. */
  shape: number[];
  /** Stored with the weights but not trained (the Fourier frequencies). */
  buffer?: true;
  /** An unused or derivable tensor that a checkpoint may lack. */
  optional?: true;
}

/** Every tensor of a network, in the order in which the published classes create them. */
export function parameterSpecs(config: UNetConfig): ParameterSpec[] {
  const specs: ParameterSpec[] = [];
  const add = (name: string, shape: number[], extra: Partial<ParameterSpec> = {}) =>
    specs.push({ name: `model.${name}`, shape, ...extra });
  const conv = (name: string, inC: number, outC: number, kernel: number) => {
    if (kernel === 0) return;
    add(`${name}.weight`, [outC, inC, kernel, kernel]);
    add(`${name}.bias`, [outC]);
  };
  const norm = (name: string, channels: number) => {
    add(`${name}.weight`, [channels]);
    add(`${name}.bias`, [channels]);
  };
  const linear = (name: string, inF: number, outF: number, bias = true) => {
    add(`${name}.weight`, [outF, inF]);
    if (bias) add(`${name}.bias`, [outF]);
  };

  const song = config.modelType === 'SongUNet';
  const emb = config.modelChannels * config.channelMultEmb;
  const noise = config.modelChannels * config.channelMultNoise;
  const { adaptiveScale } = blockStyle(config);

  if (config.embeddingType === 'fourier') add('map_noise.freqs', [noise / 2], { buffer: true });
  if (song && config.labelDim) linear('map_label', config.labelDim, noise);
  // Augmentation labels exist in training only; inference never reads this matrix.
  if (config.augmentDim) add('map_augment.weight', [noise, config.augmentDim], { optional: true });
  linear('map_layer0', noise, emb);
  linear('map_layer1', emb, emb);
  if (!song && config.labelDim) linear('map_label', config.labelDim, emb, false);

  for (const b of unetBlocks(config)) {
    if (b.kind === 'norm') norm(b.name, b.inChannels);
    else if (b.kind === 'conv') conv(b.name, b.inChannels, b.outChannels, b.kernel);
    else {
      norm(`${b.name}.norm0`, b.inChannels);
      conv(`${b.name}.conv0`, b.inChannels, b.outChannels, 3);
      linear(`${b.name}.affine`, emb, b.outChannels * (adaptiveScale ? 2 : 1));
      norm(`${b.name}.norm1`, b.outChannels);
      conv(`${b.name}.conv1`, b.outChannels, b.outChannels, 3);
      if (b.skipKernel) conv(`${b.name}.skip`, b.inChannels, b.outChannels, b.skipKernel);
      if (b.heads) {
        norm(`${b.name}.norm2`, b.outChannels);
        conv(`${b.name}.qkv`, b.outChannels, b.outChannels * 3, 1);
        conv(`${b.name}.proj`, b.outChannels, b.outChannels, 1);
      }
    }
  }
  if (!song) {
    norm('out_norm', headChannels(config));
    conv('out_conv', headChannels(config), config.outChannels, 3);
  }
  return specs;
}

/**
 * Tensors that are no parameters: the resampling filters, derived from the arguments, and iDDPMPrecond's noise
 * levels, which the configuration holds.
 */
export const isDerivedBuffer = (name: string): boolean => name.endsWith('.resample_filter') || name === 'u';

/** The last convolutions of a network, whose outputs are the image. */
export const isHead = (name: string): boolean =>
  /^model\.(out_conv|dec\.\d+x\d+_aux_conv)\.(weight|bias)$/.test(name);

/** Number of trained values. */
export function parameterCount(config: UNetConfig): number {
  let count = 0;
  for (const spec of parameterSpecs(config)) if (!spec.buffer) count += spec.shape.reduce((a, b) => a * b, 1);
  return count;
}

export interface Layer {
  /** Name of its parameters without "model." and their own ending: "enc.32x32_block0.conv0". */
  name: string;
  /** Those that training may change: no buffers, and nothing that a checkpoint may lack. */
  parameters: readonly ParameterSpec[];
}

/** The layers of a network that have parameters, in the order in which those are created. */
export function layersOf(config: UNetConfig): Layer[] {
  const layers = new Map<string, ParameterSpec[]>();
  for (const spec of parameterSpecs(config)) {
    if (spec.buffer || spec.optional) continue;
    const layer = spec.name.replace(/^model\./, '').replace(/\.[^.]+$/, '');
    const known = layers.get(layer);
    if (known) known.push(spec);
    else layers.set(layer, [spec]);
  }
  return Array.from(layers, ([name, parameters]) => ({ name, parameters }));
}
