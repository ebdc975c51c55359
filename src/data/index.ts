/** Data sets of images, for training and evaluation. */
export { type Batch, BatchSampler, type SamplerOptions } from './batch-sampler';
export { createDecoders, type DecoderOptions, type Decoders, type WasmFormat } from './image/decoders';
export type { WasmInput } from './image/wasm-codec';
export { openDataset } from './open';
export type { DatasetOptions } from './options';
export type { Dataset, Sample, Skipped } from './types';
