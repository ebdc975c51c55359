import type { ConvSpec } from './blocks';
import type { Ops, Tap } from './ops';

/**
 * A convolution outside the blocks, with optional resampling (Conv2d in NVlabs/edm). `fused` convolves at
 * full resolution with the filter's padding added and filters down afterwards, bias last.
 */
export function convolution<T>(ops: Ops<T>, spec: ConvSpec, taps: readonly number[], x: T, tap?: Tap<T>): T {
  const out = ops.scope(() => convolved(ops, spec, taps, x));
  tap?.(spec.name, out);
  return out;
}

function convolved<T>(ops: Ops<T>, spec: ConvSpec, taps: readonly number[], x: T): T {
  const name = `model.${spec.name}`;
  const pad = spec.kernel >> 1;
  const filterPad = (taps.length - 1) >> 1;
  let out = x;
  if (spec.fused && spec.resample === 'down') {
    out = ops.conv2d(out, name, { pad: pad + filterPad, bias: false });
    out = ops.addBias(ops.downsample(out, taps, 0), name);
  } else {
    if (spec.resample === 'up') out = ops.upsample(out, taps);
    if (spec.resample === 'down') out = ops.downsample(out, taps, filterPad);
    if (spec.kernel) out = ops.conv2d(out, name, { pad });
  }
  return out;
}
