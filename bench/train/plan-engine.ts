import { openBackend } from '../../cli/backend';
import { featureWeights } from '../../cli/data';
import { startNodeThread } from '../../cli/threads';
import { DistilTrainer } from '../../src/distil/trainer';
import { featureNetworks } from '../../src/engine/measure/feature-networks';
import type { OpenExecutor } from '../../src/nn/plan/training/executor';
import { WasmIterations } from '../../src/nn/plan/training/wasm/executor';
import { WebGpuIterations } from '../../src/nn/plan/training/webgpu/executor';
import { openTrainNet } from './nets';
import { openPlainPlan } from './plain-plan';
import type { TrainRow } from './protocol';
import type { TrainEngine } from './tfjs-engines';

/** The trainer on the recorded iteration, or a plain step. `recomputeAll`: every activation that can be is made twice. */
export async function openPlan(row: TrainRow, threads: number, recomputeAll = false): Promise<TrainEngine> {
  if (row.backend === 'webgpu' && threads > 1) throw new Error('threads are those of WebAssembly');
  const { gpu, label } = await openBackend(row.backend);
  const plan: OpenExecutor = async () =>
    gpu ? new WebGpuIterations(gpu, label) : new WasmIterations({ threads, startThread: startNodeThread });
  const setup = await openTrainNet(row.net, row.batch);
  if (row.step === 'plain') return openPlainPlan(setup, await plan());
  const { network, teacher, data, config } = setup;
  const trainer = await DistilTrainer.open({
    network,
    teacher,
    data,
    features: await featureNetworks(config, featureWeights, undefined),
    config,
    plan,
    recomputeAll,
  });
  if (trainer.facts.reason !== null) throw new Error(trainer.facts.reason);
  return {
    async step() {
      const { lossG, lossD } = await trainer.step();
      return { losses: [lossG!, lossD!], bytes: trainer.bytes };
    },
  };
}
