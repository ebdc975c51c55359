import { type Kernel, kernel, workgroupSum } from './kernel';

/**
 * How softmax moves as its scores do: with the softmax `weights` and d = `outMoves` + `others`, weights (d - sum(weights d)) in the
 * former's place, [rows, stride] with zeros behind the columns; one workgroup a row.
 */
export function softmaxTangent(threads: number, subgroup: boolean): Kernel {
  const sum = workgroupSum(threads, subgroup);
  return kernel({
    name: 'softmax tangent',
    bindings: { weights: 'f32', others: 'f32', outMoves: 'f32' },
    uniforms: ['columns', 'stride', 'rows'],
    directives: sum.directives,
    body: `
${sum.code}
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) t: u32) {
  let row = group.x + group.y * groups.x;
  if (row >= u.rows) { return; }
  let base = row * u.stride;
  var s = 0.0;
  for (var i = t; i < u.columns; i += ${threads}u) {
    let d = outMoves[base + i] + others[base + i];
    outMoves[base + i] = d;
    s = fma(weights[base + i], d, s);
  }
  let mean = sumAll(s, t);
  for (var i = t; i < u.columns; i += ${threads}u) {
    outMoves[base + i] = weights[base + i] * (outMoves[base + i] - mean);
  }
  for (var i = u.columns + t; i < u.stride; i += ${threads}u) { outMoves[base + i] = 0.0; }
}`,
  });
}
