import { blockStyle, groupCount, unetBlocks } from './blocks';
import type { UNetConfig } from './config';
import { convolution } from './convolution';
import type { Ops, Tap } from './ops';
import { unetBlock } from './unet-block';

/** Inputs of a U-Net besides the image: both [N, ...]. */
export interface Conditioning<T> {
  /** Noise embedding from `noiseEmbedding`. */
  noise: T;
  /** One-hot class rows [N, labelDim], zeros for "no class"; null for unconditional networks. */
  labels: T | null;
}

/** What the encoder hands to the decoder. */
interface Encoded<T> {
  h: T;
  skips: T[];
  emb: T;
}

/**
 * DDPM++ and NCSN++ (Song et al., "Score-Based Generative Modeling through SDEs"; SongUNet in NVlabs/edm).
 * x [N, R, R, inChannels] is c_in times the noisy image; returns F [N, R, R, outChannels].
 */
export function songUNet<T>(ops: Ops<T>, config: UNetConfig, x: T, cond: Conditioning<T>, tap?: Tap<T>): T {
  const style = blockStyle(config);
  const taps = config.resampleFilter;
  const { skips, emb, h: encoded } = songEncoder(ops, config, x, cond, tap);

  // With decoder type 'skip' every resolution adds its own image to an upsampled sum.
  let h = encoded;
  let image: T | null = null;
  let normed = h;
  for (const b of unetBlocks(config).filter((b) => b.name.startsWith('dec.'))) {
    if (b.kind === 'block') {
      if (b.joinsSkip) h = ops.concat(h, skips.pop()!);
      h = unetBlock(ops, b, style, taps, h, emb, tap);
    } else if (b.kind === 'norm') {
      normed = ops.groupNorm(h, `model.${b.name}`, { groups: groupCount(b.inChannels), eps: b.eps });
      tap?.(b.name, normed);
    } else if (b.name.endsWith('_aux_up')) {
      image = convolution(ops, b, taps, image!, tap);
    } else {
      const rgb = convolution(ops, b, taps, ops.silu(normed), tap);
      image = image === null ? rgb : ops.add(rgb, image);
    }
  }
  return image!;
}

/** Mapping and encoder; the auxiliary branch carries a progressively downsampled input. */
export function songEncoder<T>(
  ops: Ops<T>,
  config: UNetConfig,
  x: T,
  cond: Conditioning<T>,
  tap?: Tap<T>,
): Encoded<T> {
  const style = blockStyle(config);
  const taps = config.resampleFilter;
  let emb = cond.noise;
  if (cond.labels !== null)
    emb = ops.add(emb, ops.linear(ops.scale(cond.labels, Math.sqrt(config.labelDim)), 'model.map_label'));
  emb = ops.silu(ops.linear(emb, 'model.map_layer0'));
  emb = ops.silu(ops.linear(emb, 'model.map_layer1'));

  const skips: T[] = [];
  let h = x;
  let aux = x;
  for (const b of unetBlocks(config).filter((b) => b.name.startsWith('enc.'))) {
    if (b.kind === 'block') {
      h = unetBlock(ops, b, style, taps, h, emb, tap);
      skips.push(h);
    } else if (b.kind === 'conv' && b.name.endsWith('_aux_down')) {
      aux = convolution(ops, b, taps, aux, tap);
    } else if (b.kind === 'conv' && b.name.endsWith('_aux_skip')) {
      h = ops.add(h, convolution(ops, b, taps, aux, tap));
      skips[skips.length - 1] = h;
    } else if (b.kind === 'conv' && b.name.endsWith('_aux_residual')) {
      h = aux = ops.scale(ops.add(h, convolution(ops, b, taps, aux, tap)), Math.SQRT1_2);
      skips[skips.length - 1] = h;
    } else if (b.kind === 'conv') {
      h = convolution(ops, b, taps, h, tap);
      skips.push(h);
    }
  }
  return { h, skips, emb };
}
