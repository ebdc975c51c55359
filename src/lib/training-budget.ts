/**
 * Bytes that a step of training may take. WebAssembly can address 4.29 GB; its module, its threads and gaps take the rest. WebGPU
 * tells nobody how much memory there is: this is what a card of 8 GB leaves beside a desktop, and what has less says
 * so when memory ends.
 */
export const TRAINING_BUDGET = { wasm: 3.8e9, webgpu: 6e9 } as const;
