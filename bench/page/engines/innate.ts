import plain from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm.wasm?url';
import simd from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm?url';
import threaded from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-threaded-simd.wasm?url';
import { probeAdapter } from '../../../src/gpu/adapter';
import { type ActiveBackend, activateWasm, activateWebGPU } from '../../../src/gpu/backends';
import { InnateError } from '../../../src/lib/errors';
import { Denoiser } from '../../../src/nn/denoiser';
import type { BenchTask } from '../task';
import type { BenchEngine, BenchStats } from './engine';

/** The project's own inference on TensorFlow.js, kernel by kernel, as the page runs it. */
class Eager implements BenchEngine {
  private denoiser: Denoiser | null = null;
  private label = '';

  constructor(
    private readonly task: BenchTask,
    private readonly activate: () => Promise<ActiveBackend>,
    readonly gpu: boolean,
  ) {}

  async prepare(): Promise<void> {
    this.label = (await this.activate()).label;
    this.denoiser = Denoiser.open(this.task.model.config, this.task.model.weights);
  }

  run(): Promise<Float32Array> {
    const { x, sigma, classes } = this.task;
    return this.denoiser!.denoise(x, sigma, classes);
  }

  stats(): BenchStats {
    const notes = ['flops and bytesMoved: TensorFlow.js does not count them'];
    if (!this.gpu) notes.push(`peakBytes: size of the WebAssembly memory; ${this.label}`);
    return { flops: null, bytesMoved: null, notes };
  }
}

export const innateWebGPU = (task: BenchTask): BenchEngine =>
  new Eager(
    task,
    async () => {
      const adapter = await probeAdapter(navigator.gpu);
      if (!adapter) throw new InnateError('backend', 'the browser gives no WebGPU adapter');
      return activateWebGPU(adapter);
    },
    true,
  );

export const innateWasm = (task: BenchTask): BenchEngine =>
  new Eager(
    task,
    () =>
      activateWasm({
        'tfjs-backend-wasm.wasm': plain,
        'tfjs-backend-wasm-simd.wasm': simd,
        'tfjs-backend-wasm-threaded-simd.wasm': threaded,
      }),
    false,
  );
