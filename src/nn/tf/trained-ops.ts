import type * as tf from '@tensorflow/tfjs-core';
import type { Ops } from '../ops';
import { offTape } from './tape';

type T = tf.Tensor;

/**
 * Ops whose gradient reaches down to the lowest trained parameter and no further. TensorFlow.js remembers every
 * operation inside a gradient, with its inputs, whatever trains; here an operation is remembered only where a trained
 * parameter, or a value made of one, goes into it. A wholly frozen encoder runs as it does for inference: no backward
 * pass, and its activations are freed as soon as they are used.
 *
 * `trains` says whether a parameter ("model.enc.32x32_block0.conv0.weight") trains.
 */
export class TrainedOps implements Ops<T> {
  /** Values that depend on something trained. */
  private readonly moving = new WeakSet<T>();

  constructor(
    private readonly ops: Ops<T>,
    private readonly trains: (name: string) => boolean,
  ) {}

  scope(module: () => T): T {
    return this.ops.scope(module);
  }

  conv2d(x: T, name: string, options: { pad: number; bias?: false }): T {
    return this.run([x], this.layer(name), () => this.ops.conv2d(x, name, options));
  }

  addBias(x: T, name: string): T {
    return this.run([x], this.trains(`${name}.bias`), () => this.ops.addBias(x, name));
  }

  downsample(x: T, taps: readonly number[], pad: number): T {
    return this.run([x], false, () => this.ops.downsample(x, taps, pad));
  }

  upsample(x: T, taps: readonly number[]): T {
    return this.run([x], false, () => this.ops.upsample(x, taps));
  }

  groupNorm(x: T, name: string, options: { groups: number; eps: number }): T {
    return this.run([x], this.layer(name), () => this.ops.groupNorm(x, name, options));
  }

  silu(x: T): T {
    return this.run([x], false, () => this.ops.silu(x));
  }

  add(a: T, b: T): T {
    return this.run([a, b], false, () => this.ops.add(a, b));
  }

  scale(x: T, factor: number): T {
    return this.run([x], false, () => this.ops.scale(x, factor));
  }

  concat(a: T, b: T): T {
    return this.run([a, b], false, () => this.ops.concat(a, b));
  }

  addVector(x: T, v: T): T {
    return this.run([x, v], false, () => this.ops.addVector(x, v));
  }

  modulate(x: T, v: T): T {
    return this.run([x, v], false, () => this.ops.modulate(x, v));
  }

  linear(v: T, name: string, options?: { bias?: false }): T {
    return this.run([v], this.layer(name), () => this.ops.linear(v, name, options));
  }

  attention(qkv: T, heads: number): T {
    return this.run([qkv], false, () => this.ops.attention(qkv, heads));
  }

  private layer(name: string): boolean {
    return this.trains(`${name}.weight`) || this.trains(`${name}.bias`);
  }

  private run(inputs: readonly T[], trained: boolean, op: () => T): T {
    if (!trained && !inputs.some((input) => this.moving.has(input))) return offTape(op);
    const result = op();
    this.moving.add(result);
    return result;
  }
}
