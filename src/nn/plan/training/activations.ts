import type { Activation } from '../operations';

/** Functions of one number in float64, by their definitions. */

/** 1 / (1 + exp(-x)). */
export const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** An activation at x; leaky ReLU's slope below 0 is 0.2. */
export function activated(kind: Activation, x: number): number {
  switch (kind) {
    case 'relu':
      return Math.max(0, x);
    case 'relu6':
      return Math.min(6, Math.max(0, x));
    case 'leakyRelu':
      return x > 0 ? x : 0.2 * x;
    case 'softplus':
      return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
    case 'hardtanh':
      return Math.min(1, Math.max(-1, x));
  }
}

/** The derivative of an activation at its result y. */
export function slope(kind: Activation, y: number): number {
  switch (kind) {
    case 'relu':
      return y > 0 ? 1 : 0;
    case 'relu6':
      return y > 0 && y < 6 ? 1 : 0;
    case 'leakyRelu':
      return y > 0 ? 1 : 0.2;
    case 'softplus':
      return -Math.expm1(-y);
    case 'hardtanh':
      return Math.abs(y) < 1 ? 1 : 0;
  }
}
