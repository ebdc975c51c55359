import { type ActivationKind, activationCode, slopeCode } from './activation';
import { eachElement } from './each-element';
import { type Kernel, kernel, workgroupSum } from './kernel';
import { memoised } from './memoise';

/**
 * A value of each element of a map [N, pixels, C], computed from other values. Number `i` of those read is bound as
 * `x0`, `x1`, ..., the uniforms of `x0` are `stride0` (from one pixel, or of a vector one image, to the next) and
 * `offset0`; of `c0`, a constant: `c0F`.
 */
export type Expression =
  /** The element of the same pixel, `offset` channels on. */
  | { read: 'map'; of: number }
  /** The same of its image's vector. */
  | { read: 'vector'; of: number }
  /** The number of its channel. */
  | { read: 'channel'; of: number }
  /** The number of its pixel, in a map of one channel. */
  | { read: 'pixel'; of: number }
  /** The element of the same pixel in one map for all images. */
  | { read: 'place'; of: number }
  /** One number. */
  | { read: 'number'; of: number }
  | { constant: number }
  | {
      apply: 'add' | 'multiply' | 'timesOnePlus' | 'siluGradient' | 'geluGradient';
      to: readonly [Expression, Expression];
    }
  | { apply: 'silu' | 'gelu'; to: readonly [Expression] }
  | { apply: 'scale'; to: readonly [Expression]; by: number }
  | { apply: 'activation'; to: readonly [Expression]; kind: ActivationKind }
  /** The first operand, which tells the slope, and what it multiplies. */
  | { apply: 'slope'; to: readonly [Expression, Expression]; kind: ActivationKind }
  /** Channels side by side; the second begins at channel `join0` (a uniform). */
  | { join: number; of: readonly [Expression, Expression] };

export interface ExpressionCounts {
  reads: number;
  constants: number;
  joins: number;
}

const uniformsOf = ({ reads, constants, joins }: ExpressionCounts): string[] => [
  ...Array.from({ length: reads }, (_, i) => [`stride${i}`, `offset${i}`]).flat(),
  ...Array.from({ length: constants }, (_, i) => `c${i}F`),
  ...Array.from({ length: joins }, (_, i) => `join${i}`),
];

/** Phi(x) to 1e-7: the error function of Abramowitz & Stegun 7.1.26 at x / sqrt(2); `density` is exp(-x^2 / 2). */
const GELU = `
fn gaussian(v: f32, density: f32) -> f32 {
  let t = 1.0 / fma(abs(v), 0.23164189, 1.0);
  let p = fma(fma(fma(fma(1.061405429, t, -1.453152027), t, 1.421413741), t, -0.284496736), t, 0.254829592);
  let tail = 0.5 * p * t * density;
  return select(1.0 - tail, tail, v < 0.0);
}
fn gelu(v: f32) -> f32 { return v * gaussian(v, exp(-0.5 * v * v)); }
fn geluSlope(v: f32) -> f32 { let d = exp(-0.5 * v * v); return fma(0.39894228 * v, d, gaussian(v, d)); }`;

/** WGSL `value(image, pixel, c)`, `pixel` counted over all images. */
function valueCode(expression: Expression): string {
  const functions: string[] = [];
  const code = (e: Expression, channel: string): string => {
    if ('read' in e) {
      const [x, at] = [`x${e.of}`, `u.stride${e.of}`];
      switch (e.read) {
        case 'map':
          return `${x}[pixel * ${at} + ${channel} + u.offset${e.of}]`;
        case 'vector':
          return `${x}[image * ${at} + ${channel} + u.offset${e.of}]`;
        case 'channel':
          return `${x}[${channel}]`;
        case 'pixel':
          return `${x}[pixel * ${at}]`;
        case 'place':
          return `${x}[pixel % u.pixels * ${at} + ${channel}]`;
        case 'number':
          return `${x}[0]`;
      }
    }
    if ('constant' in e) return `u.c${e.constant}F`;
    if ('join' in e) {
      const [a, b] = [code(e.of[0], 'c'), code(e.of[1], `(c - u.join${e.join})`)];
      functions.push(`fn joined${e.join}(image: u32, pixel: u32, c: u32) -> f32 {
  if (c < u.join${e.join}) { return ${a}; }
  return ${b};
}`);
      return `joined${e.join}(image, pixel, ${channel})`;
    }
    const [a, b] = e.to.map((operand) => code(operand, channel)) as [string, string];
    switch (e.apply) {
      case 'add':
        return `(${a} + ${b})`;
      case 'multiply':
        return `(${a} * ${b})`;
      case 'timesOnePlus':
        return `(${a} * (${b} + 1.0))`;
      case 'scale':
        return `(${a} * u.c${e.by}F)`;
      case 'silu':
        return `silu(${a})`;
      case 'siluGradient':
        return `(siluSlope(${a}) * ${b})`;
      case 'gelu':
        return `gelu(${a})`;
      case 'geluGradient':
        return `(geluSlope(${a}) * ${b})`;
      case 'activation':
        return activationCode(e.kind, a);
      case 'slope':
        return `(${slopeCode(e.kind, a)} * ${b})`;
    }
  };
  const value = code(expression, 'c');
  return `
fn silu(v: f32) -> f32 { return v / (1.0 + exp(-v)); }
fn siluSlope(v: f32) -> f32 { let s = 1.0 / (1.0 + exp(-v)); return s * (1.0 + v * (1.0 - s)); }
${value.includes('gelu') ? GELU : ''}
${functions.join('\n')}
fn value(image: u32, pixel: u32, c: u32) -> f32 { return ${value}; }`;
}

const bindingsOf = ({ reads }: ExpressionCounts): Record<string, string> =>
  Object.fromEntries(Array.from({ length: reads }, (_, i) => [`x${i}`, 'f32']));

/** Out of an expression a map [N, pixels, stored], zeros behind its `channels`. `pixels` of one image. */
export const mapped = memoised(
  (expression: Expression, counts: ExpressionCounts): Kernel =>
    kernel({
      name: 'expression',
      bindings: { ...bindingsOf(counts), out: 'f32' },
      uniforms: ['total', 'channels', 'stored', 'pixels', ...uniformsOf(counts)],
      body: `${valueCode(expression)}
${eachElement(`
  let pixel = quotient(i, u.stored);
  let c = i - pixel * u.stored;
  out[i] = select(0.0, value(quotient(pixel, u.pixels), pixel, c), c < u.channels);`)}`,
    }),
);

/**
 * Sums of an expression over the pixels of each image, to one or several places: place i begins at `outBase`i, an image at
 * `outStride`i, and takes `outCount`i values, zeros from `channels` on. `bound`: by place, the first one of the same buffer. A
 * workgroup has `lanes` channels of an image; its `lines` of threads share the pixels.
 */
export const pixelSums = memoised(
  (
    expression: Expression,
    counts: ExpressionCounts,
    lanes: number,
    lines: number,
    bound: readonly number[],
  ): Kernel =>
    kernel({
      name: 'pixel sums',
      bindings: {
        ...bindingsOf(counts),
        ...Object.fromEntries([...new Set(bound)].map((i) => [`out${i}`, 'f32'])),
      },
      uniforms: [
        ...['channels', 'stored', 'pixels', ...uniformsOf(counts)],
        ...bound.flatMap((_, i) => [`outBase${i}`, `outStride${i}`, `outCount${i}`]),
      ],
      body: `${valueCode(expression)}
var<workgroup> partial: array<f32, ${lanes * lines}>;
@compute @workgroup_size(${lanes}, ${lines})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) t: vec3u) {
  let c = group.x * ${lanes}u + t.x;
  var s = 0.0;
  if (c < u.channels) {
    for (var p = t.y; p < u.pixels; p += ${lines}u) { s += value(group.y, group.y * u.pixels + p, c); }
  }
  partial[t.y * ${lanes}u + t.x] = s;
  workgroupBarrier();
  if (t.y > 0u) { return; }
  for (var r = 1u; r < ${lines}u; r++) { s += partial[r * ${lanes}u + t.x]; }
  ${bound.map((of, i) => `if (c < u.outCount${i}) { out${of}[u.outBase${i} + group.y * u.outStride${i} + c] = s; }`).join('\n  ')}
}`,
    }),
);

/** The sum of an expression over its channels, for each pixel: a map of one channel (stored as four). */
export const channelSums = memoised(
  (expression: Expression, counts: ExpressionCounts): Kernel =>
    kernel({
      name: 'channel sums',
      bindings: { ...bindingsOf(counts), out: 'f32' },
      uniforms: ['total', 'channels', 'pixels', ...uniformsOf(counts)],
      body: `${valueCode(expression)}
${eachElement(`
  let pixel = i;
  let image = quotient(pixel, u.pixels);
  var s = 0.0;
  for (var c = 0u; c < u.channels; c++) { s += value(image, pixel, c); }
  out[4u * pixel] = s;
  for (var k = 1u; k < 4u; k++) { out[4u * pixel + k] = 0.0; }`)}`,
    }),
);

/** The sum of an expression over everything: one number, stored as four; one workgroup. */
export const wholeSum = memoised(
  (expression: Expression, counts: ExpressionCounts, threads: number, subgroup: boolean): Kernel => {
    const sum = workgroupSum(threads, subgroup);
    return kernel({
      name: 'whole sum',
      bindings: { ...bindingsOf(counts), out: 'f32' },
      uniforms: ['total', 'channels', 'pixels', ...uniformsOf(counts)],
      directives: sum.directives,
      body: `${valueCode(expression)}
${sum.code}
@compute @workgroup_size(${threads})
fn main(@builtin(local_invocation_index) t: u32) {
  var s = 0.0;
  for (var i = t; i < u.total; i += ${threads}u) {
    let pixel = i / u.channels;
    s += value(pixel / u.pixels, pixel, i % u.channels);
  }
  let all = sumAll(s, t);
  if (t < 4u) { out[t] = select(0.0, all, t == 0u); }
}`,
    });
  },
);
