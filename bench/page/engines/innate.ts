import type { OpenPlan } from '../../../src/nn/plan/executor';
import { PlannedDenoiser } from '../../../src/nn/plan/planned-denoiser';
import { openWasm } from '../../../src/nn/plan/wasm-executor';
import { startPageThread } from '../../../src/simd/threads';
import type { BenchTask } from '../task';
import type { BenchEngine, BenchStats } from './engine';

/** The project's fused plan on one of its devices. */
class Planned implements BenchEngine {
  private denoiser: PlannedDenoiser | null = null;

  constructor(
    private readonly task: BenchTask,
    private readonly open: () => Promise<OpenPlan>,
    readonly gpu: boolean,
    readonly stats: () => BenchStats,
  ) {}

  async prepare(): Promise<void> {
    const { model, batch } = this.task;
    this.denoiser = await PlannedDenoiser.open(model.config, model.weights, await this.open());
    await this.denoiser.prepare(batch);
  }

  run(): Promise<Float32Array> {
    const { x, sigma, classes } = this.task;
    return this.denoiser!.denoise(x, sigma, classes);
  }
}

export function innateWasm(task: BenchTask): BenchEngine {
  const threads = navigator.hardwareConcurrency;
  return new Planned(
    task,
    async () => openWasm({ threads, startThread: startPageThread }),
    false,
    () => ({
      flops: null,
      bytesMoved: null,
      notes: [`peakBytes: size of the WebAssembly memory; ${threads} threads asked for`],
    }),
  );
}
