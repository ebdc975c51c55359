import { type Kernel, kernel, workgroupSum } from './kernel';

/**
 * Statistics of group normalisation (Wu & He 2018), one workgroup a group and image: mean, then variance in a
 * second pass, and out of them the affine [N, 2, C] that the next kernel applies. `width` channels a group. With
 * `modulate`, ADM's scale and shift go into the same affine. `statistics`: mean and 1 / deviation [N, G, 2] are written too;
 * `apply`: so is the normalised map, with SiLU or without.
 */
export function normStatistics(
  {
    sources,
    modulate,
    wide,
    statistics = false,
    apply = null,
  }: {
    sources: 1 | 2;
    modulate: boolean;
    wide: boolean;
    statistics?: boolean;
    apply?: 'plain' | 'silu' | null;
  },
  threads: number,
  subgroup: boolean,
): Kernel {
  const sum = workgroupSum(threads, subgroup);
  // Four channels at a time where no group splits a vector.
  const type = wide ? 'vec4f' : 'f32';
  const one = 'x1[pixel * u.channels1 + channel]';
  const read =
    sources === 1
      ? `return ${one};`
      : `if (channel < u.channels1) { return ${one}; }
  return x2[pixel * (u.channels - u.channels1) + channel - u.channels1];`;
  const total = (v: string) => (wide ? `dot(${v}, vec4f(1.0))` : v);
  const loop = (line: string) => `
  for (var p = t; p < u.pixels; p += ${threads}u) {
    for (var c = 0u; c < u.width; c++) { let v = load(base + p, first + c); ${line} }
  }`;
  return kernel({
    name: [
      'norm',
      sources === 2 && 'joined',
      modulate && 'modulated',
      wide && 'wide',
      statistics && 'kept',
      apply && `applied ${apply}`,
    ]
      .filter(Boolean)
      .join(' '),
    bindings: {
      x1: type,
      ...(sources === 2 ? { x2: type } : {}),
      weight: 'f32',
      bias: 'f32',
      ...(modulate ? { vector: 'f32' } : {}),
      out: 'f32',
      ...(statistics ? { outStatistics: 'f32' } : {}),
      ...(apply ? { outMap: type } : {}),
    },
    uniforms: ['pixels', 'channels', 'channels1', 'width', 'stored', 'epsF', 'vectorOffset', 'vectorStride'],
    directives: sum.directives,
    body: `
${sum.code}
fn load(pixel: u32, channel: u32) -> ${type} { ${read} }
fn affineOf(c: u32, image: u32, mean: f32, rstd: f32) -> vec2f {
  var factor = weight[c] * rstd;
  var offset = bias[c] - mean * factor;
  ${
    modulate
      ? `let at = u.vectorOffset + image * u.vectorStride + c;
  let scale = vector[at] + 1.0;
  factor *= scale;
  offset = fma(offset, scale, vector[at + u.stored]);`
      : ''
  }
  return vec2f(factor, offset);
}
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) t: u32) {
  let first = group.x * u.width;
  let base = group.y * u.pixels;
  let scalars = u.width${wide ? ' * 4u' : ''};
  let count = f32(u.pixels * scalars);
  var s = ${type}(0.0);
  ${loop('s += v;')}
  let mean = sumAll(${total('s')}, t) / count;
  var q = ${type}(0.0);
  ${loop('let d = v - mean; q = fma(d, d, q);')}
  let rstd = 1.0 / sqrt(sumAll(${total('q')}, t) / count + u.epsF);
  ${
    statistics
      ? `if (t == 0u) {
    let at = 2u * (group.y * (u.channels / u.width) + group.x);
    outStatistics[at] = mean;
    outStatistics[at + 1u] = rstd;
  }`
      : ''
  }
  for (var c = group.x * scalars + t; c < (group.x + 1u) * scalars; c += ${threads}u) {
    let a = affineOf(c, group.y, mean, rstd);
    out[(group.y * 2u) * u.stored + c] = a.x;
    out[(group.y * 2u + 1u) * u.stored + c] = a.y;
  }
  ${
    apply
      ? `for (var c = 0u; c < u.width; c++) {
    ${
      wide
        ? `let first4 = 4u * (first + c);
    let a0 = affineOf(first4, group.y, mean, rstd);
    let a1 = affineOf(first4 + 1u, group.y, mean, rstd);
    let a2 = affineOf(first4 + 2u, group.y, mean, rstd);
    let a3 = affineOf(first4 + 3u, group.y, mean, rstd);
    let factor = vec4f(a0.x, a1.x, a2.x, a3.x);
    let offset = vec4f(a0.y, a1.y, a2.y, a3.y);`
        : `let a = affineOf(first + c, group.y, mean, rstd);
    let factor = a.x;
    let offset = a.y;`
    }
    for (var p = t; p < u.pixels; p += ${threads}u) {
      let y = fma(load(base + p, first + c), factor, offset);
      outMap[(base + p) * u.channels + first + c] = ${apply === 'silu' ? 'y / (1.0 + exp(-y))' : 'y'};
    }
  }`
      : ''
  }
}`,
  });
}
