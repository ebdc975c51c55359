/** Recorded steps of training on WebGPU, with their kernels: a chunk that the first run loads. */
export { WebGpuIterations } from '../../nn/plan/training/webgpu/executor';
