import { eachElement } from './each-element';
import { type Kernel, kernel } from './kernel';

/**
 * A kernel over `total` float32 elements at once: `code` sees the index `i`, the bindings and the uniforms. Names
 * that start with "out" are written.
 */
export function elementwise(
  name: string,
  bindings: readonly string[],
  uniforms: readonly string[],
  code: string,
  functions = '',
): Kernel {
  return kernel({
    name,
    bindings: Object.fromEntries(bindings.map((b) => [b, 'f32'])),
    uniforms: ['total', ...uniforms],
    body: functions + eachElement(code),
  });
}

/** A filter [taps, in, out] turned around, channels exchanged: [taps reversed, out, in]. What an input gradient convolves with. */
export const flipped = (): Kernel =>
  elementwise(
    'flipped filter',
    ['weights', 'out'],
    ['taps', 'inChannels', 'outChannels'],
    `let depth = i % u.inChannels;
  let column = i / u.inChannels % u.outChannels;
  let tap = u.taps - 1u - i / (u.inChannels * u.outChannels);
  out[i] = weights[(tap * u.inChannels + depth) * u.outChannels + column];`,
  );

/** out[i] = sum over parts of x[part][i]. */
export const sumOfParts = (): Kernel =>
  elementwise(
    'sum of parts',
    ['x', 'out'],
    ['parts'],
    `var s = 0.0;
  for (var p = 0u; p < u.parts; p++) { s += x[p * u.total + i]; }
  out[i] = s;`,
  );

/** x * sigmoid(x). */
export const silu = (): Kernel =>
  elementwise('silu', ['x', 'out'], [], 'out[i] = x[i] / (1.0 + exp(-x[i]));');

/** dy * s (1 + x (1 - s)), s = sigmoid(x). */
export const siluGradient = (): Kernel =>
  elementwise(
    'silu gradient',
    ['dy', 'x', 'out'],
    [],
    'let s = 1.0 / (1.0 + exp(-x[i])); out[i] = dy[i] * s * (1.0 + x[i] * (1.0 - s));',
  );

/**
 * One step of Adam with beta1 = 0 (Kingma & Ba 2015, as torch.optim.Adam): second = beta2 second + (1 - beta2) g^2,
 * variable -= rate g / (sqrt(second) correction + eps). A gradient that is not a number counts as 0, infinities
 * as +-1e5. Both are told by their bits: compilers may assume that comparisons never see one.
 */
export const adam = (): Kernel =>
  elementwise(
    'adam',
    ['variable', 'gradient', 'second', 'outVariable', 'outSecond'],
    ['beta2F', 'rateF', 'correctionF', 'epsF'],
    `let bits = bitcast<u32>(gradient[i]) & 0x7fffffffu;
  let bounded = select(gradient[i], clamp(gradient[i], -1e5, 1e5), bits == 0x7f800000u);
  let g = select(bounded, 0.0, bits > 0x7f800000u);
  let v = second[i] * u.beta2F + g * g * (1.0 - u.beta2F);
  outSecond[i] = v;
  outVariable[i] = variable[i] - g * u.rateF / (sqrt(v) * u.correctionF + u.epsF);`,
  );

/** a + (b - a) share, as a share of each. */
export const blend = (): Kernel =>
  elementwise('blend', ['a', 'b', 'out'], ['shareF'], 'out[i] = a[i] * (1.0 - u.shareF) + b[i] * u.shareF;');

/** Another number of channels at the end: zeros are added, or the last are dropped. */
export const recount = (): Kernel =>
  elementwise(
    'channel count',
    ['x', 'out'],
    ['channels', 'outChannels'],
    `let c = i % u.outChannels;
  out[i] = 0.0;
  if (c < u.channels) { out[i] = x[i / u.outChannels * u.channels + c]; }`,
  );
