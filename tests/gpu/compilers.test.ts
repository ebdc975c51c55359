import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBackend } from '../../cli/backend';
import { openModelArgument } from '../../cli/catalogue';
import { featureWeights } from '../../cli/data';
import { fileSource } from '../../cli/files';
import { recordedGraphs } from '../../cli/recorded-graphs';
import type { Dataset } from '../../src/data';
import { type DistilConfig, preset, studentSampling } from '../../src/distil/config';
import { DistilTrainer } from '../../src/distil/trainer';
import { DistilRun } from '../../src/engine/distil/run';
import { makeSamples } from '../../src/engine/distil/samples';
import { FrechetMeasure } from '../../src/engine/measure/frechet';
import { openInception } from '../../src/engine/measure/inception-file';
import { openMeasureNetwork } from '../../src/engine/measure/measure-networks';
import { recordFeatures } from '../../src/engine/measure/planned-features';
import { openModel } from '../../src/engine/models/open-model';
import { writeSafetensors } from '../../src/formats/safetensors';
import { bufferSource } from '../../src/formats/source';
import { type ActiveBackend, activateWebGPU } from '../../src/gpu/backends';
import { GpuContext } from '../../src/gpu/context';
import { formsOfTensors } from '../../src/gpu/tensors/ready';
import type { NetworkConfig } from '../../src/nn/config';
import { CifarResNet } from '../../src/nn/features/cifar-resnet';
import { EfficientNetLite0 } from '../../src/nn/features/efficientnet-lite0';
import { InceptionV3 } from '../../src/nn/features/inception';
import { MobileNetV1 } from '../../src/nn/features/mobilenet-v1';
import { fuse } from '../../src/nn/plan/fuse';
import { GraphOps } from '../../src/nn/plan/graph';
import { planNetwork } from '../../src/nn/plan/network-plan';
import type { Plan } from '../../src/nn/plan/steps';
import type { OpenExecutor } from '../../src/nn/plan/training/executor';
import { WebGpuIterations } from '../../src/nn/plan/training/webgpu/executor';
import { lower } from '../../src/nn/plan/webgpu/lower';
import type { WeightSource } from '../../src/nn/weights';
import { type Case, kernelCases, parameters } from '../plan/kernel-cases';
import { type MiniChoice, miniParts } from '../plan/training-run';
import { drawnWeights } from '../support/drawn';
import { type FakeGpuOptions, fakeGpu } from '../support/fake-gpu';
import { FIXTURES, readGolden, shippedCases } from '../support/fixtures';
import { giveToNaga, nagaMissing } from '../support/naga';
import { ALL_FORMS } from '../support/tilings';

/**
 * Every WGSL program that the page can make, for a second compiler: Firefox's. Chromium's own is met in every other
 * test. TensorFlow.js's shaders of training are among them.
 */
const missing = nagaMissing();
if (missing) console.log(`skipped: WGSL given to naga: ${missing}`);

/** Programs by their code, each once. */
const programs = new Map<string, { name: string; entry: string }>();
const collect = (name: string, code: string, entry = 'main') => {
  if (!programs.has(code)) programs.set(code, { name, entry });
};

function collectPlan(plan: Plan, weights: WeightSource, batch: number): void {
  for (const traits of ALL_FORMS)
    for (const precision of ['f32', 'f16'] as const)
      for (const { kernel } of lower(plan, weights, { batch, traits, precision, maxBinding: 2 ** 27 })
        .dispatches)
        collect(kernel.name, kernel.code);
}

async function collectCase({ shapes = {}, values = {}, build, batch = 1 }: Case): Promise<Plan> {
  const weights = parameters(shapes, values);
  const plan = fuse(new Map([['y', build(new GraphOps((name) => weights.shape(name)))]]));
  collectPlan(plan, weights, batch);
  return plan;
}

describe.skipIf(missing)('the programs of the tests and of whole networks', () => {
  kernelCases(collectCase, ['direct']);

  it('products on tensors', () => {
    for (const traits of ALL_FORMS) for (const { name, code } of formsOfTensors(traits)) collect(name, code);
  });

  it.each(shippedCases())('$name', ({ checkpoint }) => {
    const { config, weights } = openModel(fileSource(checkpoint));
    collectPlan(planNetwork(config.unet, weights), weights, 2);
  });
});

/** Of one training image set: what the shaders say does not depend on it. */
const noImages = ({ unet }: NetworkConfig): Dataset => ({
  name: 'zeros',
  size: 8,
  labelDim: unet.labelDim,
  classes: null,
  resolution: unet.imgResolution,
  channels: unet.inChannels,
  read: async () => ({
    pixels: new Uint8Array(unet.inChannels * unet.imgResolution ** 2),
    label: unet.labelDim ? 0 : null,
  }),
  label: () => (unet.labelDim ? 0 : null),
  imagesRead: 8,
  notes: [],
  sizes: [],
  skipped: [],
});

type Choice = [teacher: string, preset: string, changes: Partial<DistilConfig>];

/** Teacher, preset and what is changed of it: every method, feature network and kind of step. */
const RUNS: Choice[] = [
  ['fashion-mnist-32x32-teacher', 'small-encoder', { microBatch: 2 }],
  ['afhq-cat-64x64-teacher', 'small', { r1Gamma: 1, r1Every: 1 }],
  ['afhq-cat-64x64-teacher', 'small', { method: 'gdd', features: 'mobilenet-v1-0.25' }],
  ['fashion-mnist-32x32-teacher', 'small', { method: 'imitation', imitationSteps: 2 }],
];

/** The same as recorded steps: in parts, with R1 and DiffAugment, in two steps, with a target that is an average. */
const RECORDED: Choice[] = [
  ['fashion-mnist-32x32-teacher', 'small-encoder', { microBatch: 2, diffAugment: true }],
  ['afhq-cat-64x64-teacher', 'small', { r1Gamma: 1, r1Every: 1, diffAugment: true, shareFakes: false }],
  ['afhq-cat-64x64-teacher', 'small', { method: 'gdd', features: 'mobilenet-v1-0.25', nfe: 2 }],
  ['fashion-mnist-32x32-teacher', 'small', { method: 'imitation', imitationSteps: 2, instanceLoss: 'lite0' }],
  ['fashion-mnist-32x32-teacher', 'small', { method: 'cd', targetDecay: 0.5, microBatch: 2 }],
];

/** Small networks, in which each kind of call is met in every form that an adapter may have. */
const MINI: MiniChoice[] = [
  { heads: 'small', diffAugment: true, r1Gamma: 1, r1Every: 1, microBatch: 3 },
  { heads: 'small', features: 'teacher-encoder', nfe: 2, r1Gamma: 1, r1Every: 1 },
  { heads: 'paper', shareFakes: false, r1Gamma: 1, r1Every: 1 },
  { heads: 'small', secondFeatures: 'vgg16-bn', r1Gamma: 1, r1Every: 1 },
  { heads: 'small', method: 'cd', targetDecay: 0.5, instanceLoss: 'lite0' },
  { heads: 'small', dtype: 'f16' },
  { heads: 'small', features: 'teacher-encoder', r1Gamma: 1, r1Every: 1, dtype: 'f16' },
  { heads: 'paper', r1Gamma: 1, r1Every: 1, dtype: 'f16' },
  { heads: 'small', secondFeatures: 'vgg16-bn', r1Gamma: 1, r1Every: 1, dtype: 'f16' },
];

describe.skipIf(missing)('recorded steps of small networks in every form', () => {
  const gpu = fakeGpu({ features: ['shader-f16', 'subgroups'] });
  beforeAll(() => openBackend('wasm')); // heads are drawn on it
  afterAll(() => {
    for (const program of gpu.programs) collect(program.name, program.code, program.entry);
    expect([gpu.invalid, gpu.uncaptured]).toEqual([[], []]);
  });

  it.each(MINI)('%o', async (choice) => {
    for (const traits of ALL_FORMS) {
      const plan: OpenExecutor = async (dtype) =>
        new WebGpuIterations(new GpuContext(gpu.device, true, traits, true), 'fake', dtype);
      const trainer = await DistilTrainer.open({ ...miniParts(choice), plan });
      expect(trainer.facts).toMatchObject({ executor: 'plan', reason: null, instead: null });
      await trainer.step();
      trainer.dispose();
    }
  });
});

/** A narrow Inception: the published one does not come with the program. */
function narrowInception(): InceptionV3 {
  const { metadata } = readGolden(join(FIXTURES, 'method/measure.golden.safetensors'));
  const drawn = drawnWeights(JSON.parse(metadata.get('shapes')!), 29);
  const tensors = new Map(
    Array.from(drawn.names(), (name) => {
      const bytes = () => new Uint8Array(drawn.read(name).buffer);
      return [name, { dtype: 'f32' as const, shape: drawn.shape(name)!, bytes }];
    }),
  );
  const file = Buffer.concat([...writeSafetensors({ tensors })]);
  return new InceptionV3(openInception(bufferSource(new Uint8Array(file), 'inception.safetensors')));
}

/** Networks that images are measured through. */
const FEATURE_NETWORKS = {
  resnet56: async () => new CifarResNet(await featureWeights('cifar10-resnet56')),
  lite0: async () => new EfficientNetLite0(await featureWeights('efficientnet-lite0'), 128),
  mobilenet: async () => new MobileNetV1(await featureWeights('mobilenet-v1-0.25')),
  inception: async () => narrowInception(),
};

describe.skipIf(missing)('what the Distil tab runs, our own and TensorFlow.js', () => {
  const adapters: Record<string, FakeGpuOptions> = {
    hardware: { features: ['shader-f16'] },
    'subgroups of 8': {
      features: ['subgroups'],
      info: { isFallbackAdapter: true, subgroupMinSize: 8, subgroupMaxSize: 8 },
    },
    software: { info: { isFallbackAdapter: true } },
  };
  describe.each(Object.keys(adapters))('%s', (name) => {
    const gpu = fakeGpu(adapters[name]);
    let active: ActiveBackend;
    beforeAll(async () => {
      active = await activateWebGPU(gpu.adapter);
    });
    afterAll(() => {
      for (const program of gpu.programs) collect(program.name, program.code, program.entry);
      expect(gpu.invalid).toEqual([]);
      expect(gpu.uncaptured).toEqual([]);
    });

    // What TensorFlow.js makes of a run does not depend on the adapter: one has them all, the others one.
    it.each(name === 'hardware' ? RUNS : RUNS.slice(0, 1))('%s, %s, %o', async (id, base, changes) => {
      const teacher = openModelArgument(id);
      const config = { ...preset(base), batch: 4, images: 8, ...changes };
      const data = noImages(teacher.config);
      const net = () => openMeasureNetwork({ features: 'resnet56', weights: featureWeights });
      const measure = async () => FrechetMeasure.against(await net(), data, 4, 4);
      await makeSamples(teacher, teacher.weights, [0, 1], studentSampling(config));
      const run = await DistilRun.start({
        ...{ teacher, data, config, features: featureWeights, backend: 'webgpu' },
        ...{ measure, measureImages: 2, measureEvery: 4 },
      });
      for (const kind of ['both', 'discriminator'] as const)
        if (kind === 'both' || config.method !== 'imitation') await run.step(kind);
      run.dispose();
    });

    it.each(name === 'hardware' ? RECORDED : RECORDED.slice(0, 2))(
      'recorded: %s, %s, %o',
      async (id, base, changes) => {
        const teacher = openModelArgument(id);
        const config = { ...preset(base), batch: 4, images: 8, ...changes };
        const run = await DistilRun.start({
          ...{ teacher, data: noImages(teacher.config), config, features: featureWeights, backend: 'webgpu' },
          ...{ recordedSteps: recordedGraphs(active), measureImages: 0, measureEvery: 0 },
        });
        expect(run.facts).toMatchObject({ executor: 'plan', reason: null });
        for (const kind of ['both', 'generator', 'discriminator'] as const)
          if (kind === 'both' || config.method.startsWith('gdd')) await run.step(kind);
        run.dispose();
      },
    );

    it.each(Object.entries(FEATURE_NETWORKS))('the graph of %s', async (_, open) => {
      const net = await open();
      const executor = await recordedGraphs(active)!();
      for (const channels of [1, 3])
        await executor.prepare(`${channels}`, recordFeatures(net, { resolution: 32, channels }, 2));
      executor.dispose();
    });
  });
});

/** Kernels that only recorded graphs have. */
const ONLY_RECORDED = [
  ...['expression', 'pixel sums', 'channel sums', 'whole sum', 'max pool', 'banded 2x2', 'panel squares'],
  ...['spectral rows', 'spectral columns', 'spectral along', 'spectral normalise', 'spectral gradient'],
];

describe.skipIf(missing)('naga', () => {
  it('takes them all, and so does the driver behind it', () => {
    const shaders = [...programs].map(([code, { name, entry }]) => ({ name, code, entry }));
    const started = Date.now();
    const { adapter, refused, left } = giveToNaga(shaders);
    const stock = shaders.filter(({ entry }) => entry !== 'main').length;
    console.log(
      `naga: ${shaders.length} programs, ${stock} of TensorFlow.js, ${left.length} left out for want of a feature; ${adapter}; ${Date.now() - started} ms`,
    );
    expect(refused).toEqual([]);
    expect(stock).toBeGreaterThan(50);
    const seen = new Set(shaders.map((shader) => shader.name));
    for (const kernel of ONLY_RECORDED) expect(seen, kernel).toContain(kernel);
    expect(left.length).toBeLessThan(shaders.length / 3);
  });
});
