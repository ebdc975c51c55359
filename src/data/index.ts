/** Data sets of images, for training and evaluation. */
export { type Batch, BatchSampler, type SamplerOptions } from './batch-sampler';
export { DRAW_SEED, drawn } from './draw';
export { labelsBeside } from './idx';
export { createDecoders, type DecoderOptions, type Decoders, type WasmFormat } from './image/decoders';
export type { WasmInput } from './image/wasm-codec';
export { openDataset } from './open';
export type { DatasetOptions } from './options';
export { allUnreadable, type SkippedReason, skippedLine, skippedReasons } from './skipped';
export type { Dataset, PictureSize, Sample, Skipped } from './types';
