import { type Kernel, kernel } from './kernel';
import { memoised } from './memoise';

export interface NormGradientOptions {
  /** The norm is followed by ADM's scale and shift, whose gradient is wanted too. */
  modulated: boolean;
  silu: boolean;
  /** Whether sums for the gradients of weight and bias are wanted. */
  parameters: boolean;
  /** A map is added to the gradient, before all of it is scaled. */
  residual: boolean;
  /** The norm's scale counts as 1: the tangent of the normalised map. */
  unscaled?: boolean;
}

/**
 * All gradients of a group norm with what follows it, silu?(modulate?(norm(x))), from `dy` behind it all; one workgroup a
 * group and image. With dz = dy silu'(z), xhat = (x - mean) r and the affine's factor f: dx = f dz - mean(f dz) - xhat
 * mean(f dz xhat) (Wu & He 2018). The sums over pixels for weight and bias, (s + 1) sum(dz xhat) and (s + 1) sum(dz), go
 * into a row of `outRows` for each image, and are added up later. `padded`: channels of a row that are written.
 */
export const groupNormGradient = memoised(
  (
    { modulated, silu, parameters, residual, unscaled = false }: NormGradientOptions,
    threads: number,
  ): Kernel => {
    const factor = (c: string) => (unscaled ? 'r' : `affine[factors + ${c}]`);
    const before = (f: string, c: string) =>
      silu ? ` * slope(fma(v, ${f}, affine[factors + u.channels + ${c}]))` : '';
    return kernel({
      name: [
        'norm gradient',
        modulated && 'modulated',
        silu && 'silu',
        parameters && 'parameters',
        residual && 'residual',
        unscaled && 'unscaled',
      ]
        .filter(Boolean)
        .join(' '),
      bindings: {
        x: 'f32',
        dy: 'f32',
        ...(unscaled ? {} : { affine: 'f32' }),
        statistics: 'f32',
        ...(modulated ? { weight: 'f32', bias: 'f32', vector: 'f32' } : {}),
        ...(residual ? { residual: 'f32' } : {}),
        out: 'f32',
        ...(parameters ? { outRows: 'f32' } : {}),
        ...(modulated ? { outVector: 'f32' } : {}),
      },
      uniforms: [
        ...['pixels', 'channels', 'width', 'vectorStride'],
        ...['rowBase', 'rowStride', 'weightAt', 'biasAt', 'padded', 'scaleF'],
      ],
      body: `
var<workgroup> first: array<f32, ${threads}>;
var<workgroup> second: array<f32, ${threads}>;
fn slope(z: f32) -> f32 { let s = 1.0 / (1.0 + exp(-z)); return s * (1.0 + z * (1.0 - s)); }
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) grid: vec3u, @builtin(local_invocation_index) t: u32) {
  let image = group.y;
  let start = group.x * u.width;
  let base = image * u.pixels * u.channels + start;
  let found = 2u * (image * grid.x + group.x);
  let mean = statistics[found];
  let r = statistics[found + 1u];
  let factors = image * 2u * u.channels + start;
  // As many channels at a time as there are threads; the threads of a channel share the pixels.
  let together = min(u.width, ${threads}u);
  let slots = ${threads}u / together;
  let own = t % together;
  let slot = t / together;
  var a = 0.0;
  var b = 0.0;
  for (var c0 = 0u; c0 < u.width; c0 += together) {
    let c = c0 + own;
    let mine = slot < slots && c < u.width;
    var s = 0.0;
    var q = 0.0;
    if (mine) {
      let f = ${factor('c')};
      for (var p = slot; p < u.pixels; p += slots) {
        let at = base + p * u.channels + c;
        let v = x[at];
        let d = dy[at]${before('f', 'c')};
        s += d;
        q = fma(d, (v - mean) * r, q);
      }
    }
    first[t] = s;
    second[t] = q;
    workgroupBarrier();
    let leads = t < together && c < u.width;
    if (leads) {
      for (var k = 1u; k < slots; k++) {
        s += first[k * together + t];
        q += second[k * together + t];
      }
      let channel = start + c;
      ${
        modulated
          ? `let scale = vector[image * u.vectorStride + channel] + 1.0;
      outVector[image * u.vectorStride + channel] = fma(weight[channel], q, bias[channel] * s);
      outVector[image * u.vectorStride + u.channels + channel] = s;`
          : 'let scale = 1.0;'
      }
      ${
        parameters
          ? `outRows[u.rowBase + image * u.rowStride + u.weightAt + channel] = scale * q;
      outRows[u.rowBase + image * u.rowStride + u.biasAt + channel] = scale * s;`
          : ''
      }
    }
    workgroupBarrier();
    if (t < together) {
      let f = select(0.0, ${factor('min(c, u.width - 1u)')}, leads);
      first[t] = f * s;
      second[t] = f * q;
    }
    workgroupBarrier();
    for (var k = 0u; k < together; k++) { a += first[k]; b += second[k]; }
    workgroupBarrier();
  }
  ${
    parameters
      ? `if (group.x + 1u == grid.x) {
    for (var c = u.channels + t; c < u.padded; c += ${threads}u) {
      outRows[u.rowBase + image * u.rowStride + u.weightAt + c] = 0.0;
      outRows[u.rowBase + image * u.rowStride + u.biasAt + c] = 0.0;
    }
  }`
      : ''
  }
  let count = f32(u.pixels * u.width);
  a /= count;
  b /= count;
  for (var e = t; e < u.pixels * u.width; e += ${threads}u) {
    let c = e % u.width;
    let at = base + e / u.width * u.channels + c;
    let v = x[at];
    let f = ${factor('c')};
    let d = dy[at]${before('f', 'c')};
    out[at] = (f * d - a - (v - mean) * r * b${residual ? ' + residual[at]' : ''}) * u.scaleF;
  }
}`,
    });
  },
);
