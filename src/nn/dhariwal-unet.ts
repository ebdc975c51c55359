import { blockStyle, groupCount, headChannels, unetBlocks } from './blocks';
import type { UNetConfig } from './config';
import { convolution } from './convolution';
import type { Ops, Tap } from './ops';
import type { Conditioning } from './song-unet';
import { unetBlock } from './unet-block';

/**
 * ADM (Dhariwal & Nichol, "Diffusion Models Beat GANs on Image Synthesis"; DhariwalUNet in NVlabs/edm).
 * x [N, R, R, inChannels] is c_in times the noisy image; returns F [N, R, R, outChannels].
 */
export function dhariwalUNet<T>(
  ops: Ops<T>,
  config: UNetConfig,
  x: T,
  cond: Conditioning<T>,
  tap?: Tap<T>,
): T {
  const style = blockStyle(config);
  const { skips, emb, h: encoded } = dhariwalEncoder(ops, config, x, cond, tap);
  let h = encoded;
  for (const b of unetBlocks(config)) {
    if (b.kind !== 'block' || !b.name.startsWith('dec.')) continue;
    if (b.joinsSkip) h = ops.concat(h, skips.pop()!);
    h = unetBlock(ops, b, style, config.resampleFilter, h, emb, tap);
  }
  const channels = headChannels(config);
  h = ops.groupNorm(h, 'model.out_norm', { groups: groupCount(channels), eps: style.eps });
  return ops.conv2d(ops.silu(h), 'model.out_conv', { pad: 1 });
}

/** Mapping and encoder. */
export function dhariwalEncoder<T>(
  ops: Ops<T>,
  config: UNetConfig,
  x: T,
  cond: Conditioning<T>,
  tap?: Tap<T>,
): { h: T; skips: T[]; emb: T } {
  let emb = ops.silu(ops.linear(cond.noise, 'model.map_layer0'));
  emb = ops.linear(emb, 'model.map_layer1');
  if (cond.labels !== null) emb = ops.add(emb, ops.linear(cond.labels, 'model.map_label', { bias: false }));
  emb = ops.silu(emb);

  const style = blockStyle(config);
  const skips: T[] = [];
  let h = x;
  for (const b of unetBlocks(config)) {
    if (!b.name.startsWith('enc.') || b.kind === 'norm') continue;
    h =
      b.kind === 'conv'
        ? convolution(ops, b, config.resampleFilter, h, tap)
        : unetBlock(ops, b, style, config.resampleFilter, h, emb, tap);
    skips.push(h);
  }
  return { h, skips, emb };
}
