import * as tf from '@tensorflow/tfjs-core';
import { openBackend } from '../../cli/backend';
import { featureWeights } from '../../cli/data';
import { startNodeThread } from '../../cli/threads';
import { type DistilConfig, lossImages, studentSampling } from '../../src/distil/config';
import { RandomStream } from '../../src/distil/random';
import { collectTensors } from '../../src/distil/state';
import { DistilTrainer } from '../../src/distil/trainer';
import { featureNetworks } from '../../src/engine/measure/feature-networks';
import { fourierFrequencies, oneHot, toNHWC } from '../../src/nn/denoiser';
import type { HeadsConfig } from '../../src/nn/discriminator/heads';
import { mixingWeights } from '../../src/nn/discriminator/mixing';
import { noiseEmbedding } from '../../src/nn/embedding';
import { efficientNetMaps } from '../../src/nn/features/efficientnet-lite0';
import { type Iteration, recordIteration } from '../../src/nn/plan/training/iteration';
import { WasmIteration } from '../../src/nn/plan/training/wasm/executor';
import { precondCoefficients } from '../../src/nn/precond';
import type { WeightSource } from '../../src/nn/weights';
import { openTrainNet, type TrainSetup } from './nets';
import type { TrainRow } from './protocol';
import type { TrainEngine } from './tfjs-engines';

/** Channels and sizes of EfficientNet-Lite0's four maps. */
const CHANNELS = [24, 40, 112, 320];
const sizesOf = (size: number) => [4, 8, 16, 32].map((stride) => Math.ceil(size / stride));

/** The recorded iteration on the WebAssembly kernels. It begins from the trainer's state, so the losses are the trainer's. */
export async function openPlan(row: TrainRow, threads: number): Promise<TrainEngine> {
  if (row.backend !== 'wasm') throw new Error('the recorded iteration runs on WebAssembly alone');
  if (row.step !== 'gdd-i') throw new Error('a whole iteration is recorded, no plain step');
  await openBackend('wasm');
  const setup = await openTrainNet(row.net, row.batch);
  const features = await featureWeights(setup.config.features);
  const mixing = mixingWeights(setup.config.heads, CHANNELS, new RandomStream(3, 'mixing', 0));
  const { state, heads, trained } = await beginning(setup);
  for (const [prefix, source] of [
    ['generator.', setup.teacher],
    ['features.0.', features],
    ['mixing.0.', mixing],
  ] as const)
    for (const name of source.names())
      if (!state.has(prefix + name)) state.set(prefix + name, source.read(name));
  const iteration = record(setup, { features, mixing, heads, trained });
  const step = await WasmIteration.open(iteration, row.batch, { threads, startThread: startNodeThread });
  for (const name of step.names()) {
    const values = state.get(name);
    if (values) step.write(name, values);
    else step.write(name, new Float32Array(step.read(name).length)); // moments of a run that has not begun
  }
  return stepper(setup, step);
}

/** What a trainer begins with: the heads' random weights, averages. */
async function beginning(setup: TrainSetup) {
  const { network, teacher, data, config } = setup;
  const features = await featureNetworks(config, featureWeights, undefined);
  const trainer = new DistilTrainer({ network, teacher, data, features, config });
  const state = new Map<string, Float32Array>();
  for (const [name, { values }] of await collectTensors(trainer)) state.set(name, Float32Array.from(values));
  const { heads } = trainer.discriminator!;
  const trained = [...trainer.generator.variables().keys()];
  trainer.dispose();
  tf.disposeVariables();
  return { state, heads, trained };
}

function record(
  { network, teacher, config }: TrainSetup,
  { features, mixing, heads, trained }: Recorded,
): Iteration {
  return recordIteration({
    network,
    startSigma: config.startSigma,
    sigmaMid: studentSampling(config).sigmaMid,
    generator: { shape: (name) => teacher.shape(name), trained, beta2: 0.99, eps: 1e-8 },
    discriminator: { beta2: 0.99, eps: 1e-8 },
    features: [
      {
        network: (name) => features.shape(name),
        mixing: (name) => mixing.shape(name),
        sizes: sizesOf(config.featureSize),
        maps: (ops, x) => efficientNetMaps(ops, x, config.featureSize),
      },
    ],
    heads,
    loss: {
      type: config.lossType,
      mean: config.lossMean,
      networks: heads.networks,
      images: lossImages(config),
      batch: config.batch,
    },
    shareFakes: config.shareFakes,
  });
}

interface Recorded {
  features: WeightSource;
  mixing: WeightSource;
  heads: HeadsConfig;
  trained: readonly string[];
}

function stepper({ network, teacher, data, config }: TrainSetup, step: WasmIteration): TrainEngine {
  const { unet } = network;
  const { batch } = config;
  const size = unet.imgResolution ** 2 * unet.inChannels;
  const cNoise = new Float64Array(batch).fill(precondCoefficients(network, config.startSigma).cNoise);
  const noise = noiseEmbedding(unet, cNoise, fourierFrequencies(network, teacher));
  let iteration = 0;
  return {
    async step() {
      const { images, labels } = await data.next(batch);
      const z = (stream: 'generatorNoise' | 'discriminatorNoise') =>
        new RandomStream(config.seed, stream, iteration).normals(batch * size);
      const inputs = new Map<string, ArrayLike<number>>([
        ['z', z('generatorNoise')],
        ['z discriminator', z('discriminatorNoise')],
        ['noise', noise],
        ['real', toNHWC(images, batch, unet.inChannels, unet.imgResolution ** 2)],
        ...schedule(config, iteration),
      ]);
      if (unet.labelDim && labels) inputs.set('labels', oneHot(labels, unet.labelDim));
      const reports = step.run(inputs);
      iteration++;
      return { losses: [reports.get('lossG')!, reports.get('lossD')!], bytes: step.bytes };
    },
  };
}

/** The trainer's rates and share of the average at an iteration. */
function schedule(config: DistilConfig, iteration: number): [string, number[]][] {
  const { batch, warmUp, generatorRate, discriminatorRate, emaHalfLife, emaRampUp } = config;
  const seen = iteration * batch;
  const rise = warmUp > 0 ? Math.min(1, (seen + batch) / warmUp) : 1;
  const correction = 1 / Math.sqrt(1 - 0.99 ** (iteration + 1));
  const halfLife = Math.min(emaHalfLife, emaRampUp > 0 ? seen * emaRampUp : Number.POSITIVE_INFINITY);
  return [
    ['ratesG', [generatorRate * rise, correction]],
    ['ratesD', [discriminatorRate * rise, correction]],
    ['share', [1 - 0.5 ** (batch / Math.max(halfLife, 1e-8))]],
  ];
}
