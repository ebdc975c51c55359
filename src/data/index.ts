/** Data sets of images, for training and evaluation. */
export { BatchSampler, type SamplerOptions } from './batch-sampler';
export { DRAW_SEED, drawn } from './draw';
export { labelsBeside } from './idx';
export { createDecoders, type Decoders, type WasmFormat } from './image/decoders';
export { openDataset } from './open';
export type { DatasetOptions } from './options';
export { allUnreadable, skippedLine, skippedReasons } from './skipped';
export type { Dataset } from './types';
