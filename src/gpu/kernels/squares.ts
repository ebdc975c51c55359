import { type Kernel, kernel, type Unit, workgroupSum } from './kernel';

/** Workgroups an image is divided among. */
export const SQUARE_PARTS = 16;

/**
 * Sums of squares of every image's share per workgroup: out [N, parts], added up by whoever reads them. `size` of
 * an image in units. What a root mean square of an activation costs is one read of it.
 */
export function squares(unit: Unit, threads: number, subgroup: boolean): Kernel {
  const sum = workgroupSum(threads, subgroup);
  const square = unit === 'f32' ? 'v * v' : 'dot(v, v)';
  return kernel({
    name: 'squares',
    bindings: { x: unit, out: 'f32' },
    uniforms: ['size'],
    directives: sum.directives,
    body: `
${sum.code}
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) t: u32) {
  var s = 0.0;
  for (var i = group.x * ${threads}u + t; i < u.size; i += ${SQUARE_PARTS * threads}u) {
    let v = x[group.y * u.size + i];
    s += ${square};
  }
  out[group.y * ${SQUARE_PARTS}u + group.x] = sumAll(s, t);
}`,
  });
}
