import * as tf from '@tensorflow/tfjs-core';
import { openBackend } from '../../cli/backend';
import { featureWeights } from '../../cli/data';
import { Adam } from '../../src/distil/adam';
import { applyGradients } from '../../src/distil/adversarial-step';
import { fitMicroBatch } from '../../src/distil/batch-memory';
import { RandomStream } from '../../src/distil/random';
import { TrainableParameters } from '../../src/distil/trainable';
import { DistilTrainer } from '../../src/distil/trainer';
import { featureNetworks } from '../../src/engine/measure/feature-networks';
import { readyTensors } from '../../src/gpu/backends';
import { peakBytes } from '../../src/gpu/peak-memory';
import { Denoiser, fourierFrequencies, oneHotRows } from '../../src/nn/denoiser';
import { parameterSpecs } from '../../src/nn/parameters';
import { openTrainNet, type TrainSetup } from './nets';
import type { TrainRow } from './protocol';
import { STOCK_GRADIENTS } from './stock';

/** An engine that is ready for its first iteration. */
export interface TrainEngine {
  /** One iteration: its losses, and the most bytes that it held on the back-end. */
  step(): Promise<{ losses: number[]; bytes: number }>;
}

/** The trainer as it is: TensorFlow.js with this project's gradients, and its kernels on WebGPU. */
export async function openTfjs(row: TrainRow): Promise<TrainEngine> {
  await openBackend(row.backend);
  return open(row);
}

/** Kernels that gradients of these networks need and a back-end may lack. */
const NEEDED = ['Conv2DBackpropInput', 'Conv2DBackpropFilter', 'DepthwiseConv2dNativeBackpropInput'];

/**
 * The same networks on TensorFlow.js alone: its own kernels and its own gradients. Throws, naming them, where the back-end has
 * not the kernels for that.
 */
export async function openStockTfjs(row: TrainRow): Promise<TrainEngine> {
  if (row.net === 'cifar56') throw new Error('the 56 M network does not fit');
  if (row.backend === 'webgpu') await import('@tensorflow/tfjs-backend-webgpu/dist/register_all_kernels');
  const kernels = tf.getKernelsForBackend('webgpu');
  await openBackend(row.backend);
  if (row.backend === 'webgpu') {
    for (const { kernelName } of tf.getKernelsForBackend('webgpu')) tf.unregisterKernel(kernelName, 'webgpu');
    for (const kernel of kernels) tf.registerKernel(kernel);
  }
  const missing = NEEDED.filter((name) => !tf.getKernel(name, row.backend));
  if (missing.length > 0) throw new Error(`the ${row.backend} back-end has no ${missing.join(', ')}`);
  for (const gradient of STOCK_GRADIENTS) {
    tf.unregisterGradient(gradient.kernelName);
    tf.registerGradient(gradient);
  }
  return open(row);
}

async function open({ net, batch, step, backend }: TrainRow): Promise<TrainEngine> {
  const setup = await openTrainNet(net, batch);
  await readyTensors();
  const run = step === 'gdd-i' ? await iterations(setup, backend) : plainSteps(setup);
  return {
    async step() {
      const { value: losses, bytes } = await peakBytes(run);
      return { losses, bytes };
    },
  };
}

async function iterations(
  { network, teacher, data, config: whole }: TrainSetup,
  backend: TrainRow['backend'],
): Promise<() => Promise<number[]>> {
  const config = fitMicroBatch(whole, network.unet.imgResolution, backend);
  const features = await featureNetworks(config, featureWeights, undefined);
  const trainer = await DistilTrainer.open({ network, teacher, data, features, config });
  return async () => {
    const { lossG, lossD } = await trainer.step();
    return [lossG!, lossD!];
  };
}

/** All parameters train, as in GDD. */
function plainSteps({ network, teacher, config }: TrainSetup): () => Promise<number[]> {
  const { unet } = network;
  const names = parameterSpecs(unet).filter((spec) => !spec.buffer && !spec.optional);
  const parameters = new TrainableParameters(
    teacher,
    names.map((spec) => spec.name),
    () => true,
  );
  const freqs = fourierFrequencies(network, teacher);
  const denoiser = new Denoiser(network, { parameters, freqs, trains: () => true });
  const side = { variables: parameters.variables(), adam: new Adam(config.generatorRate) };
  const shape: [number, number, number, number] = [
    config.batch,
    unet.imgResolution,
    unet.imgResolution,
    unet.inChannels,
  ];
  const count = shape.reduce((a, b) => a * b, 1);
  const classes = Array.from({ length: config.batch }, (_, i) => i % Math.max(1, unet.labelDim));
  let iteration = 0;
  return async () => {
    const z = new RandomStream(config.seed, 'generatorNoise', iteration++).normals(count);
    const { value, grads } = tf.variableGrads(() => {
      const labels = unet.labelDim ? oneHotRows(classes, unet.labelDim) : null;
      const images = denoiser.forward(
        tf.mul(tf.tensor4d(z, shape), config.startSigma),
        [config.startSigma],
        labels,
      );
      return tf.mean(tf.square(images)) as tf.Scalar;
    }, [...side.variables.values()]);
    applyGradients(side, grads);
    const loss = (await value.data())[0]!;
    value.dispose();
    return [loss];
  };
}
