import { type Kernel, kernel, workgroupSum } from './kernel';
import { memoised } from './memoise';

/**
 * The gradient in x of v times a batch norm's gradient of x, one workgroup a channel; `pixels` of all images. With means m() over
 * them and u = dy: -w r^2 (xhat (m(u v) - m(u) m(v) - 3 m(u xhat) m(v xhat)) + m(u xhat) (v - m(v)) + m(v xhat) (u - m(u))).
 */
export const batchNormCurvature = memoised((threads: number, subgroup: boolean): Kernel => {
  const sum = workgroupSum(threads, subgroup);
  return kernel({
    name: 'batch norm curvature',
    bindings: { x: 'f32', dy: 'f32', v: 'f32', weight: 'f32', statistics: 'f32', out: 'f32' },
    uniforms: ['pixels', 'channels'],
    directives: sum.directives,
    body: `
${sum.code}
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) t: u32) {
  let c = group.x;
  let mean = statistics[2u * c];
  let r = statistics[2u * c + 1u];
  var plain = vec2f(0.0);
  var along = vec2f(0.0);
  var product = 0.0;
  for (var p = t; p < u.pixels; p += ${threads}u) {
    let at = p * u.channels + c;
    let both = vec2f(dy[at], v[at]);
    plain += both;
    along = fma(both, vec2f((x[at] - mean) * r), along);
    product = fma(both.x, both.y, product);
  }
  let count = f32(u.pixels);
  let m = vec2f(sumAll(plain.x, t), sumAll(plain.y, t)) / count;
  let a = vec2f(sumAll(along.x, t), sumAll(along.y, t)) / count;
  let both = sumAll(product, t) / count - m.x * m.y - 3.0 * a.x * a.y;
  let factor = -weight[c] * r * r;
  for (var p = t; p < u.pixels; p += ${threads}u) {
    let at = p * u.channels + c;
    let hat = (x[at] - mean) * r;
    out[at] = factor * (hat * both + a.x * (v[at] - m.y) + a.y * (dy[at] - m.x));
  }
}`,
  });
});
