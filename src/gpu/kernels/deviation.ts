import { ELEMENTS } from './each-element';
import { elementwise } from './elementwise';
import { type Kernel, kernel, workgroupSum } from './kernel';

/** Mean and standard deviation over the batch of element `e` of an image, of which the real channels count. */
const OVER_BATCH = `
fn place(e: u32, n: u32) -> u32 { return (n * u.pixels + e / u.channels) * u.stored + e % u.channels; }
fn overBatch(e: u32) -> vec2f {
  var s = 0.0;
  for (var n = 0u; n < u.images; n++) { s += x[place(e, n)]; }
  let mean = s / f32(u.images);
  var q = 0.0;
  for (var n = 0u; n < u.images; n++) { let d = x[place(e, n)] - mean; q = fma(d, d, q); }
  return vec2f(mean, sqrt(q / f32(u.images) + 1e-6));
}`;

/** Of the stored element i: its place e among the real ones, and what is found of it over the batch; padding is zeros. */
const FOUND = `let c = i % u.stored;
  let pixel = i / u.stored;
  if (c >= u.channels) {
    for (var n = 0u; n < u.images; n++) { out[(n * u.pixels + pixel) * u.stored + c] = 0.0; }
    return;
  }
  let e = pixel * u.channels + c;
  let found = overBatch(e);`;

const FIELDS = ['images', 'pixels', 'channels', 'stored'] as const;

/** The mean over everything of the standard deviation over the batch: one number, stored as four; one workgroup. */
export function deviation(threads: number, subgroup: boolean): Kernel {
  const sum = workgroupSum(threads, subgroup);
  return kernel({
    name: 'deviation',
    bindings: { x: 'f32', out: 'f32' },
    uniforms: FIELDS,
    directives: sum.directives,
    body: `${sum.code}
${OVER_BATCH}
@compute @workgroup_size(${threads})
fn main(@builtin(local_invocation_index) t: u32) {
  let count = u.pixels * u.channels;
  var s = 0.0;
  for (var e = t; e < count; e += ${threads}u) { s += overBatch(e).y; }
  let all = sumAll(s, t);
  if (t < 4u) { out[t] = select(0.0, all / f32(count), t == 0u); }
}`,
  });
}

/**
 * Its gradient: d (x - mean) / root / (images elements), where d is the deviation's: the sum of `count` numbers of `gradient`,
 * `stride` apart from `offset` on. `total` stored elements of one image.
 */
export const deviationGradient = (): Kernel =>
  kernel({
    name: 'deviation gradient',
    bindings: { x: 'f32', gradient: 'f32', out: 'f32' },
    uniforms: ['total', ...FIELDS, 'count', 'stride', 'offset'],
    body: `
${workgroupSum(ELEMENTS, false).code}
${OVER_BATCH}
@compute @workgroup_size(${ELEMENTS})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) grid: vec3u, @builtin(local_invocation_index) t: u32) {
  var s = 0.0;
  for (var k = t; k < u.count; k += ${ELEMENTS}u) { s += gradient[u.offset + k * u.stride]; }
  let d = sumAll(s, t);
  let i = (group.y * grid.x + group.x) * ${ELEMENTS}u + t;
  if (i >= u.total) { return; }
  ${FOUND}
  let factor = d / f32(u.pixels * u.channels) / f32(u.images) / found.y;
  for (var n = 0u; n < u.images; n++) { out[place(e, n)] = factor * (x[place(e, n)] - found.x); }
}`,
  });

/**
 * What reaches x through the deviation's gradient d (x - mean) / root / (images elements) from `change`, the gradient of that
 * result; d is a number. The root depends on x too. `total` stored elements of one image.
 */
export const deviationCurvature = (): Kernel =>
  elementwise(
    'deviation curvature',
    ['x', 'd', 'change', 'out'],
    FIELDS,
    `${FOUND}
  var sum = 0.0;
  var along = 0.0;
  for (var n = 0u; n < u.images; n++) {
    let v = change[place(e, n)];
    sum += v;
    along = fma(v, x[place(e, n)] - found.x, along);
  }
  let images = f32(u.images);
  let factor = d[0] / f32(u.pixels * u.channels) / images / found.y;
  let slope = along / (images * found.y * found.y);
  for (var n = 0u; n < u.images; n++) {
    out[place(e, n)] = factor * (change[place(e, n)] - sum / images - (x[place(e, n)] - found.x) * slope);
  }`,
    OVER_BATCH,
  );
