import type * as tf from '@tensorflow/tfjs-core';
import { type DistilConfig, lossImages, preset, studentSampling } from '../../src/distil/config';
import { RandomStream } from '../../src/distil/random';
import { collectTensors } from '../../src/distil/state';
import { DistilTrainer } from '../../src/distil/trainer';
import type { NetworkConfig } from '../../src/nn/config';
import { oneHot, toNHWC } from '../../src/nn/denoiser';
import { mixingWeights } from '../../src/nn/discriminator/mixing';
import { noiseEmbedding } from '../../src/nn/embedding';
import { FrozenLayers } from '../../src/nn/features/frozen';
import type { FeatureOps } from '../../src/nn/ops';
import { parameterSpecs } from '../../src/nn/parameters';
import { type Iteration, recordIteration } from '../../src/nn/plan/training/iteration';
import { precondCoefficients } from '../../src/nn/precond';
import { drawnWeights } from '../support/drawn';

const NETWORK: NetworkConfig = {
  precond: 'EDMPrecond',
  sigmaData: 0.5,
  sigmaShift: 0,
  vp: { betaD: 0, betaMin: 0, M: 0 },
  iddpm: null,
  unet: {
    modelType: 'SongUNet',
    imgResolution: 16,
    inChannels: 3,
    outChannels: 3,
    labelDim: 3,
    augmentDim: 0,
    modelChannels: 16,
    channelMult: [1, 2],
    channelMultEmb: 4,
    numBlocks: 1,
    attnResolutions: [8],
    embeddingType: 'positional',
    channelMultNoise: 1,
    encoderType: 'standard',
    decoderType: 'standard',
    resampleFilter: [1, 1],
  },
};

/** A feature network in small: a strided stem, a depthwise and a pointwise convolution, maps after the first and the last. */
const FEATURES = drawnWeights(
  {
    'stem.weight': [8, 3, 3, 3],
    'stem.bias': [8],
    'depthwise.weight': [8, 1, 3, 3],
    'depthwise.bias': [8],
    'pointwise.weight': [16, 8, 1, 1],
    'pointwise.bias': [16],
  },
  12,
);

function featureMaps<T>(ops: FeatureOps<T>, x: T, size: number): T[] {
  const stem = ops.conv(ops.resize(ops.toRgb(x), size), 'stem', { stride: 2, activation: 'relu6' });
  const spatial = ops.conv(stem, 'depthwise', { stride: 2, depthwise: true, activation: 'relu6' });
  return [stem, ops.conv(spatial, 'pointwise')];
}

export interface MiniRun {
  trainer: DistilTrainer;
  iteration: Iteration;
  /** Published values of the trainer's state, and of what is frozen, by the names of the graph's leaves. */
  state: Map<string, Float64Array>;
  /** Of the trainer's next step. */
  inputs: Map<string, ArrayLike<number>>;
  batch: number;
}

/** A trainer on a small network, and the graph of its next iteration with everything that goes into it. */
export async function miniRun(choice: Pick<DistilConfig, 'shareFakes' | 'heads' | 'nfe'>): Promise<MiniRun> {
  const [batch, unet] = [4, NETWORK.unet];
  const config: DistilConfig = { ...preset('small'), ...choice, batch, headWidth: 16, warmUp: 0 };
  const specs = parameterSpecs(unet).filter((s) => !s.buffer && !s.optional);
  const teacher = drawnWeights(Object.fromEntries(specs.map((s) => [s.name, s.shape])), 11);
  const featureSize = choice.heads === 'small' ? 32 : 8; // the published heads are wide
  const sizes = [featureSize / 2, featureSize / 4];
  const channels = [8, 16];
  const images = new RandomStream(77, 'featureNoise', 0).uniforms(batch * 768).map((u) => 2 * u - 1);
  const labels = [0, 1, 2, 1];
  const trainer = new DistilTrainer({
    network: NETWORK,
    teacher,
    data: { position: 0, next: async () => ({ images, labels }) },
    features: () => {
      const layers = new FrozenLayers(FEATURES);
      return [
        { channels, sizes: () => sizes, maps: (x: tf.Tensor4D) => featureMaps(layers, x, featureSize) },
      ];
    },
    config,
  });
  const mixing = mixingWeights(config.heads, channels, new RandomStream(3, 'mixing', 0));
  const trained = [...trainer.generator.variables().keys()];
  const { heads } = trainer.discriminator!;
  const iteration = recordIteration({
    network: NETWORK,
    startSigma: config.startSigma,
    sigmaMid: studentSampling(config).sigmaMid,
    generator: { shape: (name) => teacher.shape(name), trained, beta2: 0.99, eps: 1e-8 },
    discriminator: { beta2: 0.99, eps: 1e-8 },
    features: [
      {
        network: (name) => FEATURES.shape(name),
        mixing: (name) => mixing.shape(name),
        sizes,
        maps: (ops, x) => featureMaps(ops, x, featureSize),
      },
    ],
    heads,
    loss: {
      type: config.lossType,
      mean: config.lossMean,
      networks: heads.networks,
      images: lossImages(config),
      batch,
    },
    shareFakes: config.shareFakes,
  });

  const state = new Map<string, Float64Array>();
  for (const { name } of specs) state.set(`generator.${name}`, Float64Array.from(teacher.read(name)));
  for (const [prefix, source] of [
    ['features.0.', FEATURES],
    ['mixing.0.', mixing],
  ] as const)
    for (const name of source.names()) state.set(prefix + name, Float64Array.from(source.read(name)));
  for (const [name, { values }] of await collectTensors(trainer)) state.set(name, Float64Array.from(values));
  // Moments of a run that has not begun.
  for (const { operation: o, shape } of iteration.graph.nodes)
    if (o.op === 'parameter' && !state.has(o.name)) state.set(o.name, new Float64Array(shape.channels));

  const size = unet.imgResolution ** 2 * unet.inChannels;
  const embedding = (sigma: number) =>
    noiseEmbedding(unet, new Float64Array(batch).fill(precondCoefficients(NETWORK, sigma).cNoise), null);
  const rates = (rate: number) => [rate, 1 / Math.sqrt(1 - 0.99)];
  return {
    trainer,
    iteration,
    state,
    batch,
    inputs: new Map<string, ArrayLike<number>>([
      ['z', new RandomStream(config.seed, 'generatorNoise', 0).normals(batch * size)],
      ['z discriminator', new RandomStream(config.seed, 'discriminatorNoise', 0).normals(batch * size)],
      ['noise', embedding(config.startSigma)],
      ['noise second', embedding(config.sigmaMid)],
      ['labels', oneHot(labels, unet.labelDim)],
      ['real', toNHWC(images, batch, unet.inChannels, unet.imgResolution ** 2)],
      ['ratesG', rates(config.generatorRate)],
      ['ratesD', rates(config.discriminatorRate)],
      ['share', [1]], // nothing has been seen: the first average is the first student
    ]),
  };
}
