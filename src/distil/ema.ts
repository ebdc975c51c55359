import * as tf from '@tensorflow/tfjs-core';
import { hasKernel, runKernel } from '../nn/tf/kernels';
import type { DistilConfig } from './config';

/**
 * The share of the new parameters in their average after a step on `batch` images; `seen` counts those before it. The
 * half-life of an average, in images, grows with the run up to its limit: min(halfLife, rampUp * images seen) (Karras et al. 2022).
 */
export function averageShare(
  { emaHalfLife, emaRampUp, batch }: Pick<DistilConfig, 'emaHalfLife' | 'emaRampUp' | 'batch'>,
  seen: number,
): number {
  const halfLife = Math.min(emaHalfLife, emaRampUp > 0 ? seen * emaRampUp : Number.POSITIVE_INFINITY);
  return 1 - 0.5 ** (batch / Math.max(halfLife, 1e-8));
}

/** Exponential moving average of the trained parameters. */
export class EMA {
  readonly averages: Map<string, tf.Tensor>;

  constructor(variables: ReadonlyMap<string, tf.Variable>) {
    this.averages = copies(variables);
  }

  update(variables: ReadonlyMap<string, tf.Variable>, share: number): void {
    blend(this.averages, variables, 1 - share);
  }

  dispose(): void {
    for (const tensor of this.averages.values()) tensor.dispose();
    this.averages.clear();
  }
}

/** Copies of variables by their names; the caller disposes of them. */
export const copies = (variables: ReadonlyMap<string, tf.Variable>): Map<string, tf.Tensor> =>
  new Map([...variables].map(([name, variable]) => [name, tf.clone(variable as tf.Tensor)]));

/** average = beta * average + (1 - beta) * variable, in place of the averages before. */
export function blend(
  averages: Map<string, tf.Tensor>,
  variables: ReadonlyMap<string, tf.Variable>,
  beta: number,
): void {
  for (const [name, variable] of variables) {
    const before = averages.get(name)!;
    const after = hasKernel('Blend')
      ? runKernel<tf.Tensor>('Blend', { a: before, b: variable }, { share: 1 - beta })
      : tf.tidy(() => tf.add(tf.mul(before, beta), tf.mul(variable, 1 - beta)));
    averages.set(name, after);
    before.dispose();
  }
}
