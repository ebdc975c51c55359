import { probeAdapter } from '../../../src/gpu/adapter';
import { activateWebGPU } from '../../../src/gpu/backends';
import { InnateError } from '../../../src/lib/errors';
import { Denoiser } from '../../../src/nn/denoiser';
import type { BenchTask } from '../task';
import type { BenchEngine, BenchStats } from './engine';

/** The project's inference kernel by kernel on TensorFlow.js, which every network falls back to. */
class Eager implements BenchEngine {
  readonly gpu = true;
  private denoiser: Denoiser | null = null;

  constructor(private readonly task: BenchTask) {}

  async prepare(): Promise<void> {
    const adapter = await probeAdapter(navigator.gpu);
    if (!adapter) throw new InnateError('backend', 'the browser gives no WebGPU adapter');
    await activateWebGPU(adapter);
    this.denoiser = Denoiser.open(this.task.model.config, this.task.model.weights);
  }

  run(): Promise<Float32Array> {
    const { x, sigma, classes } = this.task;
    return this.denoiser!.denoise(x, sigma, classes);
  }

  stats(): BenchStats {
    return {
      flops: null,
      bytesMoved: null,
      notes: ['flops and bytesMoved: TensorFlow.js does not count them'],
    };
  }
}

export const innateEager = (task: BenchTask): BenchEngine => new Eager(task);
