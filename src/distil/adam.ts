import * as tf from '@tensorflow/tfjs-core';
import { hasKernel, runKernel } from '../nn/tf/kernels';

/**
 * Adam as torch.optim.Adam computes it (bias-corrected, eps outside the root), with gradients sanitised as the
 * public code does: NaN to 0, infinities to +-1e5. Moments are state.
 */
export class Adam {
  readonly first = new Map<string, tf.Tensor>();
  readonly second = new Map<string, tf.Tensor>();
  steps = 0;

  /** `rate` may change from step to step: a warm-up. */
  constructor(
    public rate: number,
    readonly beta1 = 0,
    readonly beta2 = 0.99,
    readonly eps = 1e-8,
  ) {}

  /** `gradients` by the same names as `variables`; one that is missing leaves its variable alone. */
  apply(variables: ReadonlyMap<string, tf.Variable>, gradients: ReadonlyMap<string, tf.Tensor>): void {
    this.steps++;
    const correction1 = 1 - this.beta1 ** this.steps;
    const correction2 = 1 - this.beta2 ** this.steps;
    for (const [name, variable] of variables) {
      const raw = gradients.get(name);
      if (!raw) continue;
      const { next, first, second } =
        this.beta1 === 0 && hasKernel('AdamStep')
          ? this.fused(variable, raw, this.second.get(name), correction2)
          : this.composed(variable, raw, name, correction1, correction2);
      if (first) this.keep(this.first, name, first);
      this.keep(this.second, name, second);
      variable.assign(next);
      next.dispose();
    }
  }

  /** One fused step without a first moment, which would be the gradient itself. */
  private fused(
    variable: tf.Tensor,
    gradient: tf.Tensor,
    before: tf.Tensor | undefined,
    correction2: number,
  ): Update {
    const second = before ?? tf.zeros(variable.shape);
    const [next, after] = runKernel<[tf.Tensor, tf.Tensor]>(
      'AdamStep',
      { variable, gradient, second },
      { beta2: this.beta2, rate: this.rate, correction: 1 / Math.sqrt(correction2), eps: this.eps },
    );
    if (!before) second.dispose();
    return { next, first: null, second: after };
  }

  private composed(
    variable: tf.Tensor,
    gradient: tf.Tensor,
    name: string,
    correction1: number,
    correction2: number,
  ): Update {
    const [first, second, next] = tf.tidy(() => {
      const g = sanitised(gradient);
      const m = this.moment(this.first, name, g, this.beta1);
      const v = this.moment(this.second, name, tf.square(g), this.beta2);
      const step = tf.div(
        tf.mul(m, this.rate / correction1),
        tf.add(tf.mul(tf.sqrt(v), 1 / Math.sqrt(correction2)), this.eps),
      );
      return [m, v, tf.sub(variable, step)] as const;
    }) as unknown as [tf.Tensor, tf.Tensor, tf.Tensor];
    return { next, first, second };
  }

  dispose(): void {
    for (const tensor of [...this.first.values(), ...this.second.values()]) tensor.dispose();
    this.first.clear();
    this.second.clear();
  }

  private moment(store: Map<string, tf.Tensor>, name: string, value: tf.Tensor, beta: number): tf.Tensor {
    const before = store.get(name);
    if (beta === 0 || !before) return tf.mul(value, 1 - beta);
    return tf.add(tf.mul(before, beta), tf.mul(value, 1 - beta));
  }

  private keep(store: Map<string, tf.Tensor>, name: string, value: tf.Tensor): void {
    store.get(name)?.dispose();
    store.set(name, tf.keep(value)); // also where the step is taken inside of another's gradient
  }
}

interface Update {
  next: tf.Tensor;
  first: tf.Tensor | null;
  second: tf.Tensor;
}

/** As torch.nan_to_num(nan=0, posinf=1e5, neginf=-1e5): a large finite gradient stays what it is. */
function sanitised(g: tf.Tensor): tf.Tensor {
  const bounded = tf.where(tf.isInf(g), tf.clipByValue(g, -1e5, 1e5), g);
  return tf.where(tf.isNaN(g), tf.zerosLike(g), bounded);
}
