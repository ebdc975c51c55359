import { type Kernel, kernel, workgroupReductions, workgroupSum } from './kernel';

/**
 * Softmax of each row of `columns` scores in place, `stride` apart, in float32; what lies between columns and
 * stride becomes zero. One workgroup a row.
 */
export function softmax(threads: number, subgroup: boolean): Kernel {
  const { directives, code } = workgroupReductions(threads, subgroup, ['sumAll', 'maxAll']);
  return kernel({
    name: 'softmax',
    bindings: { out: 'f32' },
    uniforms: ['columns', 'stride', 'rows'],
    directives,
    body: `
${code}
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) t: u32) {
  let row = group.x + group.y * groups.x;
  if (row >= u.rows) { return; }
  let base = row * u.stride;
  var m = -3.4e38;
  for (var i = t; i < u.columns; i += ${threads}u) { m = max(m, out[base + i]); }
  let top = maxAll(m, t);
  var s = 0.0;
  for (var i = t; i < u.columns; i += ${threads}u) { let e = exp(out[base + i] - top); out[base + i] = e; s += e; }
  let total = sumAll(s, t);
  for (var i = t; i < u.stride; i += ${threads}u) { out[base + i] = select(0.0, out[base + i] / total, i < u.columns); }
}`,
  });
}

/**
 * Gradient of softmax(factor scores): with the softmax `weights` and the gradient d of it in `outChanges`, factor weights
 * (d - sum(weights d)) in its place, the same transposed, and the weights transposed, all [rows, stride] with zeros behind
 * the columns; square matrices, one workgroup a row.
 */
export function softmaxGradient(threads: number, subgroup: boolean): Kernel {
  const sum = workgroupSum(threads, subgroup);
  return kernel({
    name: 'softmax gradient',
    bindings: { weights: 'f32', outChanges: 'f32', outTurnedChanges: 'f32', outTurnedWeights: 'f32' },
    uniforms: ['columns', 'stride', 'rows', 'factorF'],
    directives: sum.directives,
    body: `
${sum.code}
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) t: u32) {
  let row = group.x + group.y * groups.x;
  if (row >= u.rows) { return; }
  let base = row * u.stride;
  let own = row % u.columns;
  let turned = (row - own) * u.stride + own;
  var s = 0.0;
  for (var i = t; i < u.columns; i += ${threads}u) { s = fma(weights[base + i], outChanges[base + i], s); }
  let mean = sumAll(s, t);
  for (var i = t; i < u.columns; i += ${threads}u) {
    let w = weights[base + i];
    let d = u.factorF * w * (outChanges[base + i] - mean);
    outChanges[base + i] = d;
    outTurnedChanges[turned + i * u.stride] = d;
    outTurnedWeights[turned + i * u.stride] = w;
  }
  for (var i = u.columns + t; i < u.stride; i += ${threads}u) {
    outChanges[base + i] = 0.0;
    outTurnedChanges[base + i] = 0.0;
    outTurnedWeights[base + i] = 0.0;
  }
}`,
  });
}
