import * as tf from '@tensorflow/tfjs-core';

/**
 * Adam as torch.optim.Adam computes it (bias-corrected, eps outside the root), with gradients sanitised as the
 * public code does: NaN to 0, infinities to +-1e5. Moments are state.
 */
export class Adam {
  readonly first = new Map<string, tf.Tensor>();
  readonly second = new Map<string, tf.Tensor>();
  steps = 0;

  constructor(
    readonly rate: number,
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
      const [m, v, next] = tf.tidy(() => {
        const g = sanitised(raw);
        const first = this.moment(this.first, name, g, this.beta1);
        const second = this.moment(this.second, name, tf.square(g), this.beta2);
        const step = tf.div(
          tf.mul(first, this.rate / correction1),
          tf.add(tf.mul(tf.sqrt(second), 1 / Math.sqrt(correction2)), this.eps),
        );
        return [first, second, tf.sub(variable, step)] as const;
      }) as unknown as [tf.Tensor, tf.Tensor, tf.Tensor];
      this.keep(this.first, name, m);
      this.keep(this.second, name, v);
      variable.assign(next);
      next.dispose();
    }
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
    store.set(name, value);
  }
}

function sanitised(g: tf.Tensor): tf.Tensor {
  const finite = tf.where(tf.isNaN(g), tf.zerosLike(g), g);
  return tf.clipByValue(finite, -1e5, 1e5);
}
