/**
 * The vocabulary in which the networks are written. A value of type T is an activation [N, H, W, C] or a
 * vector [N, C]; what it really is depends on who executes: TensorFlow.js tensors that run (and
 * differentiate) at once, or the symbols of a plan that is compiled first. Parameters are named, never
 * passed, so that each executor keeps them in the layout it likes.
 */
export interface Ops<T> {
  /** Runs a module; whatever it made besides its result may be freed at once. */
  scope(module: () => T): T;
  /** Convolution with `name`.weight (OIHW as published), stride 1, zero padding `pad`; adds `name`.bias unless told not to. */
  conv2d(x: T, name: string, options: { pad: number; bias?: false }): T;
  /** Adds `name`.bias to every pixel. */
  addBias(x: T, name: string): T;
  /** Halves height and width with the separable filter `taps` / sum, after `pad` zeros on every side. */
  downsample(x: T, taps: readonly number[], pad: number): T;
  /** Doubles height and width: transposed convolution with 4 * filter, published padding. */
  upsample(x: T, taps: readonly number[]): T;
  /** Group normalisation with `name`.weight and `name`.bias; statistics in float32, variance in two passes. */
  groupNorm(x: T, name: string, options: { groups: number; eps: number }): T;
  silu(x: T): T;
  add(a: T, b: T): T;
  scale(x: T, factor: number): T;
  /** Joins along channels. */
  concat(a: T, b: T): T;
  /** x [N, H, W, C] plus a vector [N, C] at every pixel. */
  addVector(x: T, v: T): T;
  /** x * (scale + 1) + shift with v [N, 2C] = [scale, shift]. */
  modulate(x: T, v: T): T;
  /** v [N, in] times `name`.weight transposed, plus `name`.bias if the layer has one. */
  linear(v: T, name: string, options?: { bias?: false }): T;
  /**
   * Self-attention over the pixels. `qkv` [N, H, W, 3C] has its channels interleaved as published: head,
   * then channel of the head, then q, k, v. Softmax in float32 of q.k / sqrt(C / heads).
   */
  attention(qkv: T, heads: number): T;
}

/** Sees named intermediate values: every module's output, and the parts of U-Net blocks as "block.part". */
export type Tap<T> = (name: string, value: T) => void;
