import { type Kernel, kernel, workgroupSum } from './kernel';

/**
 * Spectral normalisation of all layers of a pass at once (Miyato et al. 2018). A weight is a matrix M [rows, columns] =
 * [fan in, out] at `weightAt` of a panel; `table` has SPECTRAL_FIELDS words a layer. Vectors lie at `rowsAt` and `columnsAt` of their
 * buffers. One power iteration: t = M u, s = M' t; then v = t / |t|, u = s / |s| and sigma = |s| / |t|.
 */
export const SPECTRAL_FIELDS = 5;
const READ = `
struct Layer { weightAt: u32, rows: u32, columns: u32, rowsAt: u32, columnsAt: u32 }
fn layerOf(l: u32) -> Layer {
  let at = l * ${SPECTRAL_FIELDS}u;
  return Layer(table[at], table[at + 1u], table[at + 2u], table[at + 3u], table[at + 4u]);
}`;

/** t = M u: workgroup x has one row at a time of layer y. */
export function spectralRows(threads: number, subgroup: boolean): Kernel {
  const sum = workgroupSum(threads, subgroup);
  return kernel({
    name: 'spectral rows',
    bindings: { table: 'u32', weights: 'f32', before: 'f32', out: 'f32' },
    uniforms: ['layers'],
    directives: sum.directives,
    body: `${sum.code}
${READ}
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) grid: vec3u, @builtin(local_invocation_index) t: u32) {
  let l = layerOf(group.y);
  for (var r = group.x; r < l.rows; r += grid.x) {
    var s = 0.0;
    for (var c = t; c < l.columns; c += ${threads}u) { s = fma(weights[l.weightAt + r * l.columns + c], before[l.columnsAt + c], s); }
    let all = sumAll(s, t);
    if (t == 0u) { out[l.rowsAt + r] = all; }
  }
}`,
  });
}

/** s = M' t: workgroup x has `lanes` columns of layer y, its lines of threads share the rows. */
export const spectralColumns = (lanes: number, lines: number): Kernel =>
  kernel({
    name: 'spectral columns',
    bindings: { table: 'u32', weights: 'f32', rows: 'f32', out: 'f32' },
    uniforms: ['layers'],
    body: `
${READ}
var<workgroup> partial: array<f32, ${lanes * lines}>;
@compute @workgroup_size(${lanes}, ${lines})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) grid: vec3u, @builtin(local_invocation_id) t: vec3u) {
  let l = layerOf(group.y);
  for (var c0 = group.x * ${lanes}u; c0 < l.columns; c0 += grid.x * ${lanes}u) {
    let c = c0 + t.x;
    var s = 0.0;
    if (c < l.columns) {
      for (var r = t.y; r < l.rows; r += ${lines}u) { s = fma(weights[l.weightAt + r * l.columns + c], rows[l.rowsAt + r], s); }
    }
    partial[t.y * ${lanes}u + t.x] = s;
    workgroupBarrier();
    if (t.y == 0u && c < l.columns) {
      for (var k = 1u; k < ${lines}u; k++) { s += partial[k * ${lanes}u + t.x]; }
      out[l.columnsAt + c] = s;
    }
    workgroupBarrier();
  }
}`,
  });

/** Squared norms of a layer's t and s, by the threads of a workgroup. */
const NORMS = (threads: number) => `
fn lengths(l: Layer, t: u32) -> vec2f {
  var a = 0.0;
  for (var r = t; r < l.rows; r += ${threads}u) { let v = rows[l.rowsAt + r]; a = fma(v, v, a); }
  var b = 0.0;
  for (var c = t; c < l.columns; c += ${threads}u) { let v = columns[l.columnsAt + c]; b = fma(v, v, b); }
  let first = sumAll(a, t);
  return sqrt(vec2f(first, sumAll(b, t)));
}`;

/** w |t| / |s| and u = s / |s|. */
export function spectralNormalise(threads: number, subgroup: boolean): Kernel {
  const sum = workgroupSum(threads, subgroup);
  return kernel({
    name: 'spectral normalise',
    bindings: {
      table: 'u32',
      weights: 'f32',
      rows: 'f32',
      columns: 'f32',
      out: 'f32',
      outVectors: 'f32',
    },
    uniforms: ['layers'],
    directives: sum.directives,
    body: `${sum.code}
${READ}
${NORMS(threads)}
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) grid: vec3u, @builtin(local_invocation_index) t: u32) {
  let l = layerOf(group.y);
  let n = lengths(l, t);
  let start = group.x * ${threads}u + t;
  let step = grid.x * ${threads}u;
  for (var i = start; i < l.rows * l.columns; i += step) { out[l.weightAt + i] = weights[l.weightAt + i] * n.x / n.y; }
  for (var i = start; i < l.columns; i += step) { outVectors[l.columnsAt + i] = columns[l.columnsAt + i] / n.y; }
}`,
  });
}

/** dW . normalised W of every layer: out[layer * parts + part]. */
export function spectralAlong(threads: number, subgroup: boolean): Kernel {
  const sum = workgroupSum(threads, subgroup);
  return kernel({
    name: 'spectral along',
    bindings: { table: 'u32', normalised: 'f32', gradient: 'f32', out: 'f32' },
    uniforms: ['layers'],
    directives: sum.directives,
    body: `${sum.code}
${READ}
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) grid: vec3u, @builtin(local_invocation_index) t: u32) {
  let l = layerOf(group.y);
  var s = 0.0;
  for (var i = group.x * ${threads}u + t; i < l.rows * l.columns; i += grid.x * ${threads}u) {
    s = fma(gradient[l.weightAt + i], normalised[l.weightAt + i], s);
  }
  let all = sumAll(s, t);
  if (t == 0u) { out[group.y * grid.x + group.x] = all; }
}`,
  });
}

/**
 * Gradient of the weight w from dW, that of the normalised one W: (dW - (dW . W) v u') / sigma. `parts`: how many sums
 * `spectralAlong` left of a layer.
 */
export function spectralGradient(threads: number, subgroup: boolean): Kernel {
  const sum = workgroupSum(threads, subgroup);
  return kernel({
    name: 'spectral gradient',
    bindings: { table: 'u32', gradient: 'f32', along: 'f32', rows: 'f32', columns: 'f32', out: 'f32' },
    uniforms: ['parts', 'accumulate'],
    directives: sum.directives,
    body: `${sum.code}
${READ}
${NORMS(threads)}
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) grid: vec3u, @builtin(local_invocation_index) t: u32) {
  let l = layerOf(group.y);
  let n = lengths(l, t);
  var s = 0.0;
  for (var p = 0u; p < u.parts; p++) { s += along[group.y * u.parts + p]; }
  let scale = n.x / n.y;
  // Both vectors as they were before they were divided by their lengths.
  let both = s / (n.x * n.y);
  for (var i = group.x * ${threads}u + t; i < l.rows * l.columns; i += grid.x * ${threads}u) {
    let outer = rows[l.rowsAt + i / l.columns] * columns[l.columnsAt + i % l.columns];
    let at = l.weightAt + i;
    out[at] = (gradient[at] - both * outer) * scale + select(0.0, out[at], u.accumulate != 0u);
  }
}`,
  });
}
