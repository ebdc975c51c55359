import { join } from 'node:path';
import type * as tf from '@tensorflow/tfjs-core';
import { expect } from 'vitest';
import { type DistilConfig, preset } from '../../src/distil/config';
import type { StepReport } from '../../src/distil/curve';
import { Discriminator } from '../../src/distil/discriminator';
import { featuresInOrder, type StepKind } from '../../src/distil/executor';
import { RandomStream } from '../../src/distil/random';
import { RecordedRun } from '../../src/distil/recorded-step';
import type { StepGraphInputs } from '../../src/distil/recorded-student';
import type { StateTensor } from '../../src/distil/saved';
import { DistilTrainer, type TrainerParts } from '../../src/distil/trainer';
import { encoderFeatures } from '../../src/engine/measure/feature-networks';
import type { NetworkConfig } from '../../src/nn/config';
import { toNHWC } from '../../src/nn/denoiser';
import { DistilledDeiT } from '../../src/nn/features/deit';
import { FrozenLayers } from '../../src/nn/features/frozen';
import { VGG16BN } from '../../src/nn/features/vgg16-bn';
import type { FeatureOps } from '../../src/nn/ops';
import { parameterSpecs } from '../../src/nn/parameters';
import { recordIteration } from '../../src/nn/plan/training/iteration';
import type { Iteration, IterationSettings } from '../../src/nn/plan/training/settings';
import { drawnWeights } from '../support/drawn';
import { FIXTURES, readGolden } from '../support/fixtures';
import { ReferenceGraph } from './reference-graph';

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
  const block = ops.scope(() => {
    const spatial = ops.conv(stem, 'depthwise', { stride: 2, depthwise: true, activation: 'relu6' });
    return ops.conv(spatial, 'pointwise');
  });
  return [stem, block];
}

/** VGG16-BN with few channels. */
const VGG = (() => {
  const shapes: Record<string, number[]> = {};
  const places = [0, 3, 7, 10, 14, 17, 20, 24, 27, 30, 34, 37, 40];
  const widths = [4, 4, 8, 8, 8, 8, 8, 12, 12, 12, 12, 12, 12];
  for (const [i, place] of places.entries()) {
    const [inner, out] = [i > 0 ? widths[i - 1]! : 3, widths[i]!];
    shapes[`features.${place}.weight`] = [out, inner, 3, 3];
    shapes[`features.${place}.bias`] = [out];
    for (const what of ['weight', 'bias', 'running_mean', 'running_var'])
      shapes[`features.${place + 1}.${what}`] = [out];
  }
  return drawnWeights(shapes, 13);
})();

/** The narrow transformer of its golden file, on images of 64 pixels. */
function narrowDeit(): DistilledDeiT {
  const { metadata } = readGolden(join(FIXTURES, 'method/large-features.golden.safetensors'));
  const weights = drawnWeights(JSON.parse(metadata.get('shapes')!)['deit-distilled'], 14);
  return new DistilledDeiT(weights, new RandomStream(3, 'adapters', 0), 64);
}

export interface MiniRun {
  trainer: DistilTrainer;
  iteration: Iteration;
  /** What it is recorded from. */
  settings: IterationSettings;
  /** Published values of the trainer's state, and of what is frozen, by the names of the graph's leaves. */
  state: Map<string, Float64Array>;
  /** Of the trainer's next step. */
  inputs: Map<string, ArrayLike<number>>;
  /** The same for `count` images from image `from` on, `part` of those so far. */
  part(from: number, count: number, part: number): Map<string, ArrayLike<number>>;
  batch: number;
}

export type MiniChoice = Partial<DistilConfig> & Pick<DistilConfig, 'heads'>;

/** What a trainer on a small network is made of; the same batch in every step. */
export function miniParts(choice: MiniChoice): TrainerParts {
  const batch = 4;
  const config: DistilConfig = { ...preset('small'), batch, headWidth: 16, warmUp: 0, ...choice };
  const specs = parameterSpecs(NETWORK.unet).filter((s) => !s.buffer && !s.optional);
  const teacher = drawnWeights(Object.fromEntries(specs.map((s) => [s.name, s.shape])), 11);
  const featureSize = choice.heads === 'small' ? 32 : 8; // the published heads are wide
  let position = 0;
  return {
    network: NETWORK,
    teacher,
    data: {
      get position() {
        return position;
      },
      async next(count) {
        position += count;
        const images = new RandomStream(77, 'featureNoise', 0).uniforms(count * 768).map((u) => 2 * u - 1);
        return { images, labels: Array.from({ length: count }, (_, i) => [0, 1, 2, 1][i % 4]!) };
      },
    },
    features: (denoiser) => {
      if (config.features === 'teacher-encoder') return [encoderFeatures(denoiser)];
      const layers = new FrozenLayers(FEATURES);
      const second = {
        none: () => [],
        'vgg16-bn': () => [new VGG16BN(VGG, 32)],
        'deit-distilled': () => [narrowDeit()],
      }[config.secondFeatures]();
      return [
        {
          channels: [8, 16],
          sizes: () => [featureSize / 2, featureSize / 4],
          maps: (x: tf.Tensor4D) => featureMaps(layers, x, featureSize),
          recorded: {
            weights: FEATURES,
            maps: (ops, x) => featureMaps(ops, x, featureSize),
          },
          dispose: () => layers.dispose(),
        },
        ...second,
      ];
    },
    config,
  };
}

/** A trainer on TensorFlow.js, and the graph of its next iteration with everything that goes into it. */
export async function miniRun(choice: MiniChoice): Promise<MiniRun> {
  const parts = miniParts(choice);
  const { config, network, data } = parts;
  const trainer = await DistilTrainer.open(parts);
  const features = featuresInOrder(parts, null as never);
  const discriminator = new Discriminator(features, config, network.unet.labelDim);
  const run = new RecordedRun(parts, features, discriminator.heads);
  discriminator.dispose();
  const iteration = recordIteration(run.settings);

  const state = new Map<string, Float64Array>();
  for (const [name, { values }] of await trainer.state()) state.set(name, Float64Array.from(values));
  for (const { operation: o, shape } of iteration.graph.nodes)
    if (o.op === 'parameter' && !state.has(o.name))
      // moments of a run that has not begun are zeros
      state.set(o.name, Float64Array.from(run.first(o.name) ?? new Float64Array(shape.channels)));

  const { images, labels } = await data.next(config.batch);
  const given = run.inputs({
    kind: 'both',
    iteration: 0,
    real: toNHWC(images, config.batch, network.unet.inChannels, network.unet.imgResolution ** 2),
    classes: labels,
    rates: trainer.rates,
    updates: trainer.updates,
    share: 1, // nothing has been seen: the first average is the first student
    r1: false,
  });
  return {
    trainer,
    iteration,
    settings: run.settings,
    state,
    batch: config.batch,
    inputs: new Map<string, ArrayLike<number>>([...given.images, ...given.whole]),
    part: (from, count, part) => partOf(given, config.batch, { from, count, part }),
  };
}

function partOf(
  { images, whole }: StepGraphInputs,
  batch: number,
  { from, count, part }: { from: number; count: number; part: number },
): Map<string, ArrayLike<number>> {
  const sliced = Array.from(images, ([name, values]) => {
    const each = values.length / batch;
    return [name, values.subarray(from * each, (from + count) * each)] as const;
  });
  return new Map<string, ArrayLike<number>>([...sliced, ...whole, ['part', [part]]]);
}

/** Asserts that reports, and all state after the step, are what the step's definition in float64 says. Changes `run.state`. */
export function expectDefinition(
  run: Pick<MiniRun, 'iteration' | 'state' | 'inputs' | 'batch'> & Pick<DistilConfig, 'heads'>,
  reports: ReadonlyMap<string, number>,
  after: ReadonlyMap<string, Float32Array>,
): void {
  const { iteration, state, heads } = run;
  const { graph, updates, carried } = iteration;
  const values = new ReferenceGraph(run.batch, run.inputs, state).run(graph, [
    ...iteration.reports.values(),
    ...updates,
    ...carried.values(),
  ]);
  for (const [name, node] of carried) state.set(name, values.get(node)!);
  for (const [name, node] of iteration.reports) {
    const expected = values.get(node)![0]!;
    expect(Math.abs(reports.get(name)! - expected), name).toBeLessThan(1e-4 * Math.abs(expected) + 1e-5);
  }
  for (const [name, found] of after) {
    const expected = state.get(name)!;
    const owner = name.startsWith('heads.') ? 'D' : 'G';
    const second = /^(generator|heads|ema)\./.test(name)
      ? state.get(`adam${owner}.${name.replace(/^\w+\./, '')}`)
      : undefined;
    // A bias before a batch norm has no gradient: Adam steps by its noise.
    if (heads === 'paper' && /main\.0\.bias$/.test(name)) continue;
    const top = expected.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
    const strongest = second?.reduce((m, v) => Math.max(m, v), 0) ?? 0;
    let error = 0;
    // Math.max keeps a NaN, and NaN is no small error: what was poisoned and not written fails.
    for (const [i, v] of expected.entries())
      if (!(second && second[i]! < 1e-4 * strongest)) error = Math.max(error, Math.abs(found[i]! - v));
    expect(error, name).toBeLessThanOrEqual(
      /^(adam|sum)/.test(name) ? 1e-3 * top + 1e-12 : (/_u$/.test(name) ? 3e-5 : 2e-6) * Math.max(1, top),
    );
  }
}

/** Takes steps one after the other. */
export async function stepsOf(trainer: DistilTrainer, kinds: readonly StepKind[]): Promise<StepReport[]> {
  const reports = [];
  for (const kind of kinds) reports.push(await trainer.step(kind));
  return reports;
}

/** Asserts that losses, gradients and R1 of a run lie on those of another, within a share of them. */
export function expectCurve(
  found: readonly StepReport[],
  expected: readonly StepReport[],
  share = 5e-3,
): void {
  for (const [i, wanted] of expected.entries())
    for (const name of ['lossG', 'lossD', 'gradientNormG', 'gradientNormD', 'r1'] as const) {
      const [ours, theirs] = [found[i]![name], wanted[name]];
      if (theirs === null) expect(ours, `${name} ${i}`).toBeNull();
      else expect(Math.abs(ours! / theirs - 1), `${name} ${i}`).toBeLessThan(share);
    }
}

/** Goes on from a saved state, as a file of one would have it. */
export const resumed = (
  parts: TrainerParts,
  trainer: DistilTrainer,
  state: ReadonlyMap<string, StateTensor>,
) => ({
  ...parts,
  iteration: trainer.iteration,
  images: trainer.images,
  updates: trainer.updates,
  saved: {
    shape: (name: string) => state.get(name)?.shape,
    read: (name: string) => state.get(name)!.values,
  },
});
