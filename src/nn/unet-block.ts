import { type BlockStyle, groupCount, type UNetBlockSpec } from './blocks';
import type { Ops, Tap } from './ops';

/**
 * One residual block with optional resampling and self-attention: the union of DDPM++, NCSN++ and ADM
 * (UNetBlock in NVlabs/edm). x [N, H, W, inChannels], emb [N, E]; dropout is a training matter.
 */
export function unetBlock<T>(
  ops: Ops<T>,
  spec: UNetBlockSpec,
  style: BlockStyle,
  taps: readonly number[],
  x: T,
  emb: T,
  tap?: Tap<T>,
): T {
  return ops.scope(() => {
    const at = `model.${spec.name}`;
    const see = (part: string, value: T): T => {
      tap?.(`${spec.name}.${part}`, value);
      return value;
    };
    const norm = (value: T, part: string, channels: number) =>
      see(part, ops.groupNorm(value, `${at}.${part}`, { groups: groupCount(channels), eps: style.eps }));
    const filterPad = (taps.length - 1) >> 1;
    const resample = (value: T): T => {
      if (spec.resample === 'up') return ops.upsample(value, taps);
      if (spec.resample === 'down') return ops.downsample(value, taps, filterPad);
      return value;
    };

    let h = ops.silu(norm(x, 'norm0', spec.inChannels));
    h = see('conv0', ops.conv2d(resample(h), `${at}.conv0`, { pad: 1 }));
    const v = see('affine', ops.linear(emb, `${at}.affine`));
    h = style.adaptiveScale
      ? ops.modulate(norm(h, 'norm1', spec.outChannels), v)
      : norm(ops.addVector(h, v), 'norm1', spec.outChannels);
    h = see('conv1', ops.conv2d(ops.silu(h), `${at}.conv1`, { pad: 1 }));

    let skip = spec.skipKernel === null ? x : resample(x);
    if (spec.skipKernel) skip = ops.conv2d(skip, `${at}.skip`, { pad: 0 });
    see('skip', skip);
    let out = scaled(ops, ops.add(h, skip), style);

    if (spec.heads) {
      const qkv = see('qkv', ops.conv2d(norm(out, 'norm2', spec.outChannels), `${at}.qkv`, { pad: 0 }));
      const proj = see('proj', ops.conv2d(ops.attention(qkv, spec.heads), `${at}.proj`, { pad: 0 }));
      out = scaled(ops, ops.add(proj, out), style);
    }
    tap?.(spec.name, out);
    return out;
  });
}

const scaled = <T>(ops: Ops<T>, x: T, style: BlockStyle): T =>
  style.skipScale === 1 ? x : ops.scale(x, style.skipScale);
