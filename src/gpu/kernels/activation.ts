import type { Unit } from './kernel';

/** leakyRelu has slope 0.2; hardtanh clips to [-1, 1]. Each has a derivative that its result tells. */
export type ActivationKind = 'relu' | 'relu6' | 'leakyRelu' | 'softplus' | 'hardtanh';

/** What training does to a value before it is written: an activation, or the gradient of one whose result is known. */
export interface EndOptions {
  /** A number of each channel is added, bound as `channelBias`, beside what the epilogue adds of an image. */
  bias?: boolean;
  activation?: ActivationKind | null;
  /** The value is multiplied with the slope of that activation at its result, which is bound as `told`. */
  slope?: ActivationKind | null;
}

/** WGSL of an activation of `v`. */
export function activationCode(kind: ActivationKind, v: string, type: Unit = 'f32'): string {
  switch (kind) {
    case 'relu':
      return `max(${v}, ${type}(0.0))`;
    case 'relu6':
      return `clamp(${v}, ${type}(0.0), ${type}(6.0))`;
    case 'leakyRelu':
      return `max(${v}, 0.2 * (${v}))`;
    case 'softplus':
      return `(max(${v}, ${type}(0.0)) + log(1.0 + exp(-abs(${v}))))`;
    case 'hardtanh':
      return `clamp(${v}, ${type}(-1.0), ${type}(1.0))`;
  }
}

/** WGSL of an activation's derivative where its result is `y`. */
export function slopeCode(kind: ActivationKind, y: string, type: Unit = 'f32'): string {
  const [zero, one] = [`${type}(0.0)`, `${type}(1.0)`];
  switch (kind) {
    case 'relu':
      return `select(${zero}, ${one}, ${y} > ${zero})`;
    case 'relu6':
      return `(select(${zero}, ${one}, ${y} > ${zero}) * select(${zero}, ${one}, ${y} < ${type}(6.0)))`;
    case 'leakyRelu':
      return `select(${type}(0.2), ${one}, ${y} > ${zero})`;
    case 'softplus':
      return `(1.0 - exp(-(${y})))`;
    case 'hardtanh':
      return `select(${zero}, ${one}, abs(${y}) < ${one})`;
  }
}

/** WGSL `end(y, channel, at)`: what becomes of the value of the element `at`, which the epilogue has scaled. */
export const endCode = ({ bias, activation, slope }: EndOptions, type: Unit): string => `
fn end(y: ${type}, channel: u32, at: u32) -> ${type} {
  let v = y${bias ? ' + channelBias[channel] * u.scaleF' : ''};
  return ${activation ? activationCode(activation, 'v', type) : 'v'}${slope ? ` * ${slopeCode(slope, 'told[at]', type)}` : ''};
}`;

/** Bindings that `endCode` reads: the bias, and the values that the slope is told by. */
export const endBindings = ({ bias, slope }: EndOptions, type: Unit): Record<string, string> => ({
  ...(bias ? { channelBias: type } : {}),
  ...(slope ? { told: type } : {}),
});

/** What of an end a kernel's name says: kernels of equal names are one program. */
export const endName = ({ bias, activation, slope }: EndOptions): string =>
  [bias && 'biased', activation, slope && `slope of ${slope}`].filter(Boolean).join(' ');
