import type { WeightSource } from './weights';

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

export interface FeatureConvOptions {
  stride?: number;
  /** One filter a channel. */
  depthwise?: boolean;
  activation?: 'relu' | 'relu6' | null;
  bias?: false;
  /** TensorFlow's 'SAME' puts the odd zero at the far side; 'symmetric' is PyTorch's kernel >> 1; 'none' is 'VALID'. */
  padding?: 'tensorflow' | 'symmetric' | 'none';
}

/** What frozen feature networks and the mixing behind them are written in. Their batch norms are folded into convolutions. */
export interface FeatureOps<T> {
  /** Runs a block; whatever it made besides its result may be freed at once. */
  scope(block: () => T): T;
  conv(x: T, name: string, options?: FeatureConvOptions): T;
  /** Bilinear, to a square. */
  resize(x: T, size: number, alignCorners?: boolean): T;
  /** Repeats grey images to three channels; RGB images pass unchanged. */
  toRgb(x: T): T;
  add(a: T, b: T): T;
  scale(x: T, factor: number): T;
  /** The largest of every 2x2 pixels; height and width are even. */
  halved(x: T): T;
}

/**
 * What vision transformers need beside. Tokens are the pixels of a map of one column; a linear layer of each is a 1x1
 * convolution.
 */
export interface TokenOps<T> extends FeatureOps<T> {
  /** The pixels of x in a row behind `first` tokens that do not depend on it; `name`.weight [tokens, C] is added. */
  tokens(x: T, name: string, first: number): T;
  /** The tokens from `first` on as a square map. */
  square(x: T, first: number): T;
  /** Every token without the mean of its channels, divided by the root of `eps` and the sum of their squares. */
  normalised(x: T, eps: number): T;
  /** x Phi(x). */
  gelu(x: T): T;
  /** As in `Ops`. */
  attention(qkv: T, heads: number): T;
  /** The transposed convolution with `name`.weight [in, out, k, k], whose stride is its kernel, plus `name`.bias. */
  enlarged(x: T, name: string): T;
}

/** What networks that images are measured through need beside: an image becomes one vector of features. */
export interface PooledOps<T> extends FeatureOps<T> {
  /** Runs a part of the network on x, which nobody reads afterwards; whatever it made besides its result may be freed at once. */
  block(x: T, part: (x: T) => T): T;
  /** As TensorFlow 1 resizes: bilinear, without half-pixel centres. */
  resizeAsTensorFlow1(x: T, size: number): T;
  /** The means of whole blocks of pixels where `size` divides the map's; other maps pass unchanged. */
  averagedDown(x: T, size: number): T;
  relu(x: T): T;
  /** Of every second 3x3 pixels without a border, or around every pixel, of what the map has. */
  maxPool(x: T, where: 'halves' | 'around'): T;
  /** The mean of the 3x3 pixels around each, of those that the map has. */
  averageAround(x: T): T;
  /** Joins along channels. */
  join(maps: readonly T[]): T;
  /** The mean over the pixels, [N, C]. */
  mean(x: T): T;
  /** v [N, in] times `name`.weight [out, in] transposed. */
  linear(v: T, name: string): T;
}

/** A network that images are measured through, whoever executes it. */
export interface PooledNetwork {
  readonly weights: WeightSource;
  /** x [N, R, R, 1 or 3] in [-1, 1] to features [N, dims] and, of a network that has them, logits. */
  measured<T>(ops: PooledOps<T>, x: T): { features: T; logits?: T };
}

/** What a discriminator's heads are written in, in train mode. `conv` names a weight under spectral norm. */
export interface HeadOps<T> {
  /** 4x4, stride 2, one zero on every side, plus `name`.bias. */
  stridedConv(x: T, name: string): T;
  /** No zeros, no bias. */
  lastConv(x: T, name: string): T;
  /** The batch's own mean and (biased) variance. */
  batchNorm(x: T, name: string): T;
  /** Slope 0.2. */
  leakyRelu(x: T): T;
  /** One more channel: the mean over everything of the standard deviation over the batch (Karras et al. 2018). */
  withDeviation(x: T): T;
  /** One-hot rows [N, classes] times `name`.weight [classes, dim], or times its transpose [dim, classes]. */
  embed(classes: T, name: string, options: { transposed: boolean }): T;
  linear(v: T, name: string): T;
  scale(x: T, factor: number): T;
  /** The sum over channels of x [N, H, W, C] times v [N, C]: [N, H, W, 1]. */
  dotVector(x: T, v: T): T;
}

/** Sees named intermediate values: every module's output, and the parts of U-Net blocks as "block.part". */
export type Tap<T> = (name: string, value: T) => void;
