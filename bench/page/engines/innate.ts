import { describeAdapter, openDevice, probeAdapter } from '../../../src/gpu/adapter';
import { gpuContext } from '../../../src/gpu/context';
import { chooseTraits } from '../../../src/gpu/traits';
import type { TileChoice, WeightPrecision } from '../../../src/lib/backends';
import { InnateError } from '../../../src/lib/errors';
import type { OpenNetwork, PlanExecutor } from '../../../src/nn/plan/executor';
import { PlannedDenoiser } from '../../../src/nn/plan/planned-denoiser';
import { openWasm } from '../../../src/nn/plan/wasm/executor';
import { WebGpuExecutor } from '../../../src/nn/plan/webgpu/executor';
import { openWebGpu } from '../../../src/nn/plan/webgpu/open';
import { startPageThread } from '../../../src/simd/threads';
import type { BenchTask } from '../task';
import type { BenchEngine, BenchStats } from './engine';

/** The project's fused plan on one of its devices. */
class Planned implements BenchEngine {
  private denoiser: PlannedDenoiser | null = null;
  private executor: PlanExecutor | null = null;

  constructor(
    private readonly task: BenchTask,
    private readonly open: () => Promise<OpenNetwork>,
    readonly gpu: boolean,
    private readonly describe: (executor: PlanExecutor) => BenchStats,
  ) {}

  async prepare(): Promise<void> {
    const { model, batch } = this.task;
    this.denoiser = await PlannedDenoiser.open(model.config, model.weights, await this.open());
    this.executor = await this.denoiser.prepare(batch);
    if (this.executor instanceof WebGpuExecutor) this.executor.splitting = false;
  }

  run(): Promise<Float32Array> {
    const { x, sigma, classes } = this.task;
    return this.denoiser!.denoise(x, sigma, classes);
  }

  stats(): BenchStats {
    return this.describe(this.executor!);
  }
}

export function innateWebGPU(
  task: BenchTask,
  precision: WeightPrecision,
  tiles: TileChoice = 'auto',
): BenchEngine {
  let reason = '';
  return new Planned(
    task,
    async () => {
      const adapter = await probeAdapter(navigator.gpu);
      if (!adapter) throw new InnateError('backend', 'the browser gives no WebGPU adapter');
      const { software } = describeAdapter(adapter);
      const device = await openDevice(adapter);
      const traits = chooseTraits(device, adapter.info, software, tiles);
      const context = gpuContext(device, adapter.info, software, traits);
      reason = context.traits.reason;
      return openWebGpu(context, precision);
    },
    true,
    (executor) => {
      const { flops, bytesMoved, leastBytes } = (executor as WebGpuExecutor).cost;
      const moved = (bytesMoved / leastBytes).toFixed(2);
      return {
        flops,
        bytesMoved,
        notes: [reason, `bytesMoved: ${moved} times every weight once and every value once out and in`],
      };
    },
  );
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
