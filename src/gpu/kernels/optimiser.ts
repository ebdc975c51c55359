import { elementwise } from './elementwise';
import { type Kernel, kernel, workgroupSum } from './kernel';

/**
 * One step of Adam with beta1 = 0 (Kingma & Ba 2015, as torch.optim.Adam) over a panel of parameters, in place, and the
 * step of their average where there is one. `rates` is [rate, 1 / sqrt(1 - beta2^t)], `share` that of the new value in the
 * average. A gradient that is not a number counts as 0, infinities as +-1e5; both are told by their bits.
 */
export const panelStep = (averaged: boolean): Kernel =>
  elementwise(
    averaged ? 'panel step with average' : 'panel step',
    [
      ...['gradients', 'rates', ...(averaged ? ['share'] : [])],
      ...['outParameters', 'outSeconds', ...(averaged ? ['outAverages'] : [])],
    ],
    ['beta2F', 'epsF'],
    `let gradient = gradients[i];
  let bits = bitcast<u32>(gradient) & 0x7fffffffu;
  let bounded = select(gradient, clamp(gradient, -1e5, 1e5), bits == 0x7f800000u);
  let g = select(bounded, 0.0, bits > 0x7f800000u);
  let v = outSeconds[i] * u.beta2F + g * g * (1.0 - u.beta2F);
  outSeconds[i] = v;
  let after = outParameters[i] - g * rates[0] / (sqrt(v) * rates[1] + u.epsF);
  outParameters[i] = after;
  ${averaged ? 'outAverages[i] = outAverages[i] * (1.0 - share[0]) + after * share[0];' : ''}`,
  );

/** sums + share (gradients - sums) in the place of the sums; at a share of 1 it is the gradients, whatever was there. */
export const panelBlend = (): Kernel =>
  elementwise(
    'panel blend',
    ['gradients', 'share', 'outSums'],
    [],
    `let before = select(outSums[i], 0.0, share[0] == 1.0);
  outSums[i] = before * (1.0 - share[0]) + gradients[i] * share[0];`,
  );

/** out[i] = sum over `parts` rows of x[row * stride + i]; it is added to what `out` holds where `accumulate` says so. */
export const sumOfRows = (): Kernel =>
  elementwise(
    'sum of rows',
    ['x', 'out'],
    ['parts', 'stride', 'base', 'accumulate'],
    `var s = select(0.0, out[i], u.accumulate != 0u);
  for (var p = 0u; p < u.parts; p++) { s += x[u.base + p * u.stride + i]; }
  out[i] = s;`,
  );

/** Workgroups that a sum of squares is divided among. */
export const SQUARE_SHARES = 64;

/** Sums of squares of a panel, one of each workgroup's share; `total` values. */
export function panelSquares(threads: number, subgroup: boolean): Kernel {
  const sum = workgroupSum(threads, subgroup);
  return kernel({
    name: 'panel squares',
    bindings: { x: 'f32', out: 'f32' },
    uniforms: ['total'],
    directives: sum.directives,
    body: `${sum.code}
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) t: u32) {
  var s = 0.0;
  for (var i = group.x * ${threads}u + t; i < u.total; i += ${SQUARE_SHARES * threads}u) { s = fma(x[i], x[i], s); }
  let all = sumAll(s, t);
  if (t == 0u) { out[group.x] = all; }
}`,
  });
}
