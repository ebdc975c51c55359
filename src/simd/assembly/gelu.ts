import { exp, madd } from './vector';

/** x Phi(x). */
export function gelu(x: v128): v128 {
  return f32x4.mul(x, gaussian(x, bell(x)));
}

export function geluSlope(x: v128): v128 {
  const density = bell(x);
  return madd(f32x4.mul(x, f32x4.splat(0.3989422804014327)), density, gaussian(x, density));
}

/** exp(-x^2 / 2). */
function bell(x: v128): v128 {
  return exp(f32x4.mul(f32x4.mul(x, x), f32x4.splat(-0.5)));
}

/** Phi(x) to 1e-7: the error function of Abramowitz & Stegun 7.1.26 at x / sqrt(2), of which `density` is exp(-x^2 / 2). */
function gaussian(x: v128, density: v128): v128 {
  const t = f32x4.div(
    f32x4.splat(1),
    madd(f32x4.abs(x), f32x4.splat(0.3275911 * 0.7071067811865476), f32x4.splat(1)),
  );
  let p = madd(t, f32x4.splat(1.061405429), f32x4.splat(-1.453152027));
  p = madd(p, t, f32x4.splat(1.421413741));
  p = madd(p, t, f32x4.splat(-0.284496736));
  p = madd(p, t, f32x4.splat(0.254829592));
  const tail = f32x4.mul(f32x4.mul(f32x4.mul(p, t), density), f32x4.splat(0.5));
  return v128.bitselect(tail, f32x4.sub(f32x4.splat(1), tail), f32x4.lt(x, f32x4.splat(0)));
}
