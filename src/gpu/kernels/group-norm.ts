import { elementwise } from './elementwise';
import { type Kernel, kernel } from './kernel';

/**
 * Group normalisation in training: forward with its statistics, and its gradient (the formulas are in
 * nn/tf-group-norm.ts). Activations [N, pixels, C]; a group has `width` channels. Lanes are channels, so that
 * neighbours read neighbours; the pixels of an image are divided into chunks, whose sums a second kernel joins.
 *
 * Moments of a chunk are exact (mean first, then squares about it) and joined as Chan et al. 1983 do it: as good as
 * two passes over everything, and no cancellation.
 */
export const LANES = 32;

/** A channel's share of a chunk, as the loop's bounds, and where its `values` results go: out [N, chunks, values, C]. */
const chunk = (values: 1 | 2) => `
@compute @workgroup_size(${LANES})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let c = group.x * ${LANES}u + lane;
  if (c >= u.channels) { return; }
  let first = group.y * u.chunk;
  let last = min(first + u.chunk, u.pixels);
  let base = group.z * u.pixels;
  let at = (group.z * u.chunks + group.y) * ${values}u * u.channels + c;`;

/** Mean and sum of squares about it, of each chunk and channel: out [N, chunks, 2, C]. */
export const chunkMoments = (): Kernel =>
  kernel({
    name: 'moments of chunks',
    bindings: { x: 'f32', out: 'f32' },
    uniforms: ['channels', 'pixels', 'chunk', 'chunks'],
    body: `${chunk(2)}
  var s = 0.0;
  for (var p = first; p < last; p++) { s += x[(base + p) * u.channels + c]; }
  let mean = s / f32(last - first);
  var q = 0.0;
  for (var p = first; p < last; p++) { let d = x[(base + p) * u.channels + c] - mean; q = fma(d, d, q); }
  out[at] = mean;
  out[at + u.channels] = q;
}`,
  });

/** Mean, 1 / sqrt(variance + eps) and (biased) variance of each image's groups: out [3, N, G]. */
export const joinMoments = (): Kernel =>
  elementwise(
    'moments of groups',
    ['parts', 'out'],
    ['channels', 'pixels', 'chunk', 'chunks', 'width', 'epsF'],
    `let groups = u.channels / u.width;
  let base = i / groups * u.chunks * 2u * u.channels + i % groups * u.width;
  let count = f32(u.pixels * u.width);
  var s = 0.0;
  for (var k = 0u; k < u.chunks; k++) {
    let n = f32(min(u.chunk, u.pixels - k * u.chunk));
    for (var c = 0u; c < u.width; c++) { s += n * parts[base + k * 2u * u.channels + c]; }
  }
  let mean = s / count;
  var q = 0.0;
  for (var k = 0u; k < u.chunks; k++) {
    let n = f32(min(u.chunk, u.pixels - k * u.chunk));
    for (var c = 0u; c < u.width; c++) {
      let at = base + k * 2u * u.channels + c;
      let d = parts[at] - mean;
      q += parts[at + u.channels] + n * d * d;
    }
  }
  let variance = q / count;
  out[i] = mean;
  out[u.total + i] = 1.0 / sqrt(variance + u.epsF);
  out[2u * u.total + i] = variance;`,
  );

const PLACE = ['channels', 'pixels', 'width', 'allGroups'] as const;
/** Group of element i of an activation; its mean is at `g` of the statistics, its 1 / deviation `allGroups` later. */
const place = `let c = i % u.channels;
  let g = i / (u.channels * u.pixels) * (u.channels / u.width) + c / u.width;`;

/** y = (x - mean) r w + b. */
export const normalise = (): Kernel =>
  elementwise(
    'normalise',
    ['x', 'statistics', 'weight', 'bias', 'out'],
    PLACE,
    `${place}
  out[i] = (x[i] - statistics[g]) * statistics[u.allGroups + g] * weight[c] + bias[c];`,
  );

/** Sums over a chunk's pixels of dy and of dy xhat, by channel: out [N, chunks, 2, C]. */
export const chunkProducts = (): Kernel =>
  kernel({
    name: 'products of chunks',
    bindings: { x: 'f32', dy: 'f32', statistics: 'f32', out: 'f32' },
    uniforms: ['channels', 'pixels', 'chunk', 'chunks', 'width', 'allGroups'],
    body: `${chunk(2)}
  let g = group.z * (u.channels / u.width) + c / u.width;
  let mean = statistics[g];
  let r = statistics[u.allGroups + g];
  var s = 0.0;
  var q = 0.0;
  for (var p = first; p < last; p++) {
    let d = dy[(base + p) * u.channels + c];
    s += d;
    q = fma(d, (x[(base + p) * u.channels + c] - mean) * r, q);
  }
  out[at] = s;
  out[at + u.channels] = q;
}`,
  });

/** Means over each group of w dy and of w dy xhat: out [2, N, G]. */
export const joinProducts = (): Kernel =>
  elementwise(
    'products of groups',
    ['parts', 'weight', 'out'],
    ['channels', 'pixels', 'chunks', 'width'],
    `let groups = u.channels / u.width;
  let first = i % groups * u.width;
  let base = i / groups * u.chunks * 2u * u.channels;
  var s = 0.0;
  var q = 0.0;
  for (var k = 0u; k < u.chunks; k++) {
    for (var c = first; c < first + u.width; c++) {
      let at = base + k * 2u * u.channels + c;
      s = fma(weight[c], parts[at], s);
      q = fma(weight[c], parts[at + u.channels], q);
    }
  }
  let count = f32(u.pixels * u.width);
  out[i] = s / count;
  out[u.total + i] = q / count;`,
  );

/** dx = r (w dy - mean(w dy) - xhat mean(w dy xhat)). */
export const normGradient = (): Kernel =>
  elementwise(
    'norm gradient',
    ['x', 'dy', 'statistics', 'means', 'weight', 'out'],
    PLACE,
    `${place}
  let r = statistics[u.allGroups + g];
  let xhat = (x[i] - statistics[g]) * r;
  out[i] = r * (weight[c] * dy[i] - means[g] - xhat * means[u.allGroups + g]);`,
  );

/** Sums over a chunk's pixels, by channel, times `scale`: out [N, chunks, C]. */
export const chunkSums = (): Kernel =>
  kernel({
    name: 'sums of chunks',
    bindings: { x: 'f32', out: 'f32' },
    uniforms: ['channels', 'pixels', 'chunk', 'chunks', 'scaleF'],
    body: `${chunk(1)}
  var s = 0.0;
  for (var p = first; p < last; p++) { s += x[(base + p) * u.channels + c]; }
  out[at] = s * u.scaleF;
}`,
  });
