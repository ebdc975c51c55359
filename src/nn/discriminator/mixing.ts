import type * as tf from '@tensorflow/tfjs-core';
import { FrozenLayers } from '../features/frozen';
import type { FeatureOps } from '../ops';
import type { WeightSource } from '../weights';
import type { HeadStyle } from './heads';

/** Draws the frozen random weights: uniform in [0, 1) and standard normal. */
export interface MixingRandom {
  uniforms(count: number): Float32Array;
  normals(count: number): Float32Array;
}

/**
 * The frozen random projections between a feature network and its heads (Sauer et al. 2021): 1x1 convolutions
 * across channels, then top-down across scales.
 *
 * 'paper': to 64, 128, 256, 512 channels; each scale is added to the one above, enlarged to twice its size
 * (bilinear, corners aligned) and mixed. 'small': at the maps' own sizes, a quarter of the work.
 *
 * `maps`, of height and width `sizes`, finest first, to the heads' inputs.
 */
export function mixed<T>(
  ops: FeatureOps<T>,
  style: HeadStyle,
  maps: readonly T[],
  sizes: readonly number[],
): T[] {
  return style === 'paper' ? mixedAsPublished(ops, maps, sizes) : mixedSmall(ops, maps, sizes);
}

function mixedAsPublished<T>(ops: FeatureOps<T>, maps: readonly T[], sizes: readonly number[]): T[] {
  const out: T[] = [];
  let above: T | null = null;
  for (let i = maps.length - 1; i >= 0; i--) {
    let x = ops.conv(maps[i]!, `across.${i}`);
    if (above) x = ops.add(x, above);
    above = ops.conv(ops.resize(x, 2 * sizes[i]!, true), `down.${i}`);
    out.unshift(above);
  }
  return out;
}

function mixedSmall<T>(ops: FeatureOps<T>, maps: readonly T[], sizes: readonly number[]): T[] {
  const out = maps.map((map, i) => ops.conv(map, `across.${i}`, { bias: false }));
  for (let i = out.length - 2; i >= 0; i--) {
    const above = ops.conv(ops.resize(out[i + 1]!, sizes[i]!), `down.${i}`, { bias: false });
    out[i] = ops.scale(ops.add(out[i]!, above), Math.SQRT1_2);
  }
  return out;
}

/** Channels that the heads see. */
export const mixedChannels = (style: HeadStyle, maps: number): number[] =>
  Array.from({ length: maps }, (_, i) =>
    style === 'paper' ? 64 * 2 ** Math.max(0, i - 1) : Math.min(64 * 2 ** i, 256),
  );

/** The weights of `mixed` for maps of these channels, in the published layout. */
export function mixingWeights(
  style: HeadStyle,
  channels: readonly number[],
  random: MixingRandom,
): WeightSource {
  const tensors = new Map<string, { shape: number[]; values: Float32Array }>();
  const layer = (name: string, inputs: number, outputs: number, draw: (count: number) => Float32Array) => {
    const drawn = draw(inputs * outputs);
    const values = drawn.map((_, i) => drawn[(i % inputs) * outputs + Math.floor(i / inputs)]!);
    tensors.set(`${name}.weight`, { shape: [outputs, inputs, 1, 1], values });
  };
  const out = mixedChannels(style, channels.length);
  if (style === 'paper') {
    const wide = channels.map((_, i) => 64 * 2 ** i);
    /** PyTorch's default initialisation: uniform in +-1 / sqrt(in), bias and weight. */
    const uniform = (name: string, inputs: number, outputs: number) => {
      const draw = (count: number) =>
        random.uniforms(count).map((u) => (2 * u - 1) * (1 / Math.sqrt(inputs)));
      tensors.set(`${name}.bias`, { shape: [outputs], values: draw(outputs) });
      layer(name, inputs, outputs, draw);
    };
    for (const [i, c] of channels.entries()) uniform(`across.${i}`, c, wide[i]!);
    for (const [i, c] of wide.entries()) uniform(`down.${i}`, c, out[i]!);
  } else {
    const normal = (name: string, inputs: number, outputs: number, gain: number) =>
      layer(name, inputs, outputs, (count) => {
        const std = Math.sqrt(gain / inputs);
        return random.normals(count).map((z) => z * std);
      });
    for (const [i, c] of channels.entries()) normal(`across.${i}`, c, out[i]!, 2);
    for (let i = 0; i + 1 < channels.length; i++) normal(`down.${i}`, out[i + 1]!, out[i]!, 1);
  }
  return {
    names: () => tensors.keys(),
    shape: (name) => tensors.get(name)?.shape,
    read: (name) => tensors.get(name)!.values,
  };
}

/** The mixing on TensorFlow.js. */
export class Mixing {
  readonly channels: number[];
  readonly sizes: number[];
  private readonly layers: FrozenLayers;

  constructor(
    private readonly style: HeadStyle,
    channels: readonly number[],
    private readonly mapSizes: readonly number[],
    random: MixingRandom,
  ) {
    this.channels = mixedChannels(style, channels.length);
    this.sizes = mapSizes.map((size) => (style === 'paper' ? 2 * size : size));
    this.layers = new FrozenLayers(mixingWeights(style, channels, random));
  }

  /** Maps [N, h, w, c], finest first, to the heads' inputs. Call inside tf.tidy. */
  mix(maps: readonly tf.Tensor4D[]): tf.Tensor4D[] {
    return mixed(this.layers, this.style, maps, this.mapSizes);
  }

  dispose(): void {
    this.layers.dispose();
  }
}
