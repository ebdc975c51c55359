/** One result per thread: the threads of a workgroup, for the dispatch size. */
export const ELEMENTS = 64;

/** WGSL of a program that runs once for each of `total`, told as `i`; workgroups lie in two dimensions (`linearGrid`). */
export const eachElement = (code: string): string => `
@compute @workgroup_size(${ELEMENTS})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) grid: vec3u, @builtin(local_invocation_index) t: u32) {
  let i = (group.y * grid.x + group.x) * ${ELEMENTS}u + t;
  if (i >= u.total) { return; }
  ${code}
}`;
