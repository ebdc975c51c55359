/** Recorded steps of training on WebAssembly, with their kernels: a chunk that the first run loads. */
export { WasmIterations } from '../../nn/plan/training/wasm/executor';
