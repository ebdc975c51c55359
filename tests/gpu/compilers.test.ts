import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openModelArgument } from '../../cli/catalogue';
import { featureWeights } from '../../cli/data';
import { fileSource } from '../../cli/files';
import type { Dataset } from '../../src/data';
import { type DistilConfig, preset, studentSampling } from '../../src/distil/config';
import { DistilRun } from '../../src/engine/distil/run';
import { makeSamples } from '../../src/engine/distil/samples';
import { FrechetMeasure } from '../../src/engine/measure/frechet';
import { openMeasureNetwork } from '../../src/engine/measure/measure-networks';
import { openModel } from '../../src/engine/models/open-model';
import { activateWebGPU } from '../../src/gpu/backends';
import { formsOfTensors } from '../../src/gpu/tensors/ready';
import type { NetworkConfig } from '../../src/nn/config';
import { fuse } from '../../src/nn/plan/fuse';
import { GraphOps } from '../../src/nn/plan/graph';
import { planNetwork } from '../../src/nn/plan/network-plan';
import type { Plan } from '../../src/nn/plan/steps';
import { lower } from '../../src/nn/plan/webgpu/lower';
import type { WeightSource } from '../../src/nn/weights';
import { type Case, kernelCases, parameters } from '../plan/kernel-cases';
import { type FakeGpuOptions, fakeGpu } from '../support/fake-gpu';
import { shippedCases } from '../support/fixtures';
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

/** Teacher, preset and what is changed of it: every method, feature network and kind of step. */
const RUNS: [string, string, Partial<DistilConfig>][] = [
  ['fashion-mnist-32x32-teacher', 'small-encoder', { microBatch: 2 }],
  ['afhq-cat-64x64-teacher', 'small', { r1Gamma: 1, r1Every: 1 }],
  ['afhq-cat-64x64-teacher', 'small', { method: 'gdd', features: 'mobilenet-v1-0.25' }],
  ['fashion-mnist-32x32-teacher', 'small', { method: 'imitation', imitationSteps: 2 }],
];

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
    beforeAll(() => activateWebGPU(gpu.adapter));
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
  });
});

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
    expect(left.length).toBeLessThan(shaders.length / 3);
  });
});
