/** Images of one pass, [count, resolution, resolution, channels] in [-1, 1]. */
export interface PixelBatch {
  values: Float32Array;
  count: number;
  resolution: number;
  channels: number;
}

/** A feature network on a device. */
export interface FeaturePass {
  /** `features` [count, dims] and, of a network that has them, `logits`. Runs one at a time. */
  run(batch: PixelBatch): Promise<ReadonlyMap<string, Float32Array>>;
  dispose(): void;
}
