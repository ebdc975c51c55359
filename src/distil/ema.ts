import * as tf from '@tensorflow/tfjs-core';
import { hasKernel, runKernel } from '../nn/tf/kernels';

/**
 * Exponential moving average of the trained parameters. The half-life, in images, grows with the run up to its
 * limit: min(halfLife, rampUp * images seen) (Karras et al. 2022).
 */
export class EMA {
  readonly averages = new Map<string, tf.Tensor>();

  constructor(
    variables: ReadonlyMap<string, tf.Variable>,
    private readonly halfLife: number,
    private readonly rampUp: number,
  ) {
    for (const [name, variable] of variables) this.averages.set(name, tf.clone(variable as tf.Tensor));
  }

  /** After a step on `batch` images; `seen` counts those before it. */
  update(variables: ReadonlyMap<string, tf.Variable>, seen: number, batch: number): void {
    const halfLife = Math.min(this.halfLife, this.rampUp > 0 ? seen * this.rampUp : Number.POSITIVE_INFINITY);
    const beta = 0.5 ** (batch / Math.max(halfLife, 1e-8));
    for (const [name, variable] of variables) {
      const before = this.averages.get(name)!;
      const after = hasKernel('Blend')
        ? runKernel<tf.Tensor>('Blend', { a: before, b: variable }, { share: 1 - beta })
        : tf.tidy(() => tf.add(tf.mul(before, beta), tf.mul(variable, 1 - beta)));
      this.averages.set(name, after);
      before.dispose();
    }
  }

  dispose(): void {
    for (const tensor of this.averages.values()) tensor.dispose();
    this.averages.clear();
  }
}
