import { HARDTANH, LEAKY_RELU, NONE, RELU, RELU6, SILU_ACTIVATION } from '../record';
import { exp, madd, silu, siluSlope } from './vector';

/** One of the activations of record.ts; softplus is the last. */
export function activate(x: v128, activation: i32): v128 {
  if (activation == NONE) return x;
  const zero = f32x4.splat(0);
  if (activation == SILU_ACTIVATION) return silu(x);
  if (activation == RELU) return f32x4.max(x, zero);
  if (activation == RELU6) return f32x4.min(f32x4.max(x, zero), f32x4.splat(6));
  if (activation == HARDTANH) return f32x4.min(f32x4.max(x, f32x4.splat(-1)), f32x4.splat(1));
  if (activation == LEAKY_RELU) return f32x4.max(x, f32x4.mul(x, f32x4.splat(0.2)));
  return f32x4.add(f32x4.max(x, zero), log1p(exp(f32x4.neg(f32x4.abs(x)))));
}

/** log(1 + t) for t in [0, 1]: twice the inverse hyperbolic tangent of t / (2 + t), which is at most 1/3. */
function log1p(t: v128): v128 {
  const s = f32x4.div(t, f32x4.add(t, f32x4.splat(2)));
  const q = f32x4.mul(s, s);
  let p = madd(q, f32x4.splat(1.0 / 15), f32x4.splat(1.0 / 13));
  p = madd(p, q, f32x4.splat(1.0 / 11));
  p = madd(p, q, f32x4.splat(1.0 / 9));
  p = madd(p, q, f32x4.splat(1.0 / 7));
  p = madd(p, q, f32x4.splat(1.0 / 5));
  p = madd(p, q, f32x4.splat(1.0 / 3));
  p = madd(p, q, f32x4.splat(1));
  return f32x4.mul(f32x4.add(s, s), p);
}

/** The derivative at x for SiLU, and where the activation's result is x for the others. */
export function slope(x: v128, activation: i32): v128 {
  const one = f32x4.splat(1);
  if (activation == NONE) return one;
  const above = f32x4.gt(x, f32x4.splat(0));
  if (activation == SILU_ACTIVATION) return siluSlope(x);
  if (activation == RELU) return v128.and(above, one);
  if (activation == RELU6) return v128.and(v128.and(above, f32x4.lt(x, f32x4.splat(6))), one);
  if (activation == HARDTANH) return v128.and(f32x4.lt(f32x4.abs(x), one), one);
  if (activation == LEAKY_RELU) return v128.bitselect(one, f32x4.splat(0.2), above);
  return f32x4.sub(one, exp(f32x4.neg(x)));
}
