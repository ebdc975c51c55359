import * as tf from '@tensorflow/tfjs-core';
import { afterEach, describe, expect, it } from 'vitest';
import { openModelArgument } from '../../cli/catalogue';
import { openOnWebGpu } from '../../src/engine/inference/open-denoiser';
import { activateWebGPU, readyTensors } from '../../src/gpu/backends';
import { GpuContext } from '../../src/gpu/context';
import { kernel } from '../../src/gpu/kernels/kernel';
import { KernelRefused, Pipelines } from '../../src/gpu/pipelines';
import { chooseTraits, HARDWARE, HARDWARE_F16, type KernelTraits, nextForm } from '../../src/gpu/traits';
import { PlannedDenoiser } from '../../src/nn/plan/planned-denoiser';
import { openWebGpu } from '../../src/nn/plan/webgpu/open';
import { type FakeGpu, fakeGpu, type RefusalWay } from '../support/fake-gpu';

/** What a program does when a browser's compiler or a driver refuses one form of a kernel after the other. */
const LAVAPIPE = {
  features: ['subgroups', 'shader-f16'],
  info: { isFallbackAdapter: true, subgroupMinSize: 8, subgroupMaxSize: 8 },
};
const subgroups = chooseTraits(
  fakeGpu(LAVAPIPE).device,
  { subgroupMinSize: 8, subgroupMaxSize: 8 } as GPUAdapterInfo,
  true,
);
const WAYS: RefusalWay[] = ['module', 'info', 'pipeline'];
const kindOf = ({ tile }: KernelTraits) =>
  tile.kind === 'shared' ? `${tile.kind} ${tile.arithmetic}` : tile.kind;
const formsFrom = (traits: KernelTraits | null): KernelTraits[] =>
  traits ? [traits, ...formsFrom(nextForm(traits))] : [];

describe('the next form', () => {
  it('asks less of a compiler each time, and ends', () => {
    expect(formsFrom(HARDWARE_F16).map(kindOf)).toEqual(['shared f16', 'shared f32', 'register']);
    expect(formsFrom(subgroups).map(kindOf)).toEqual(['subgroup', 'register']);
    expect(formsFrom(subgroups).map((t) => t.subgroupReduce)).toEqual([true, false]);
    const narrow = { subgroupMinSize: 4, subgroupMaxSize: 4 } as GPUAdapterInfo;
    const swiftshader = chooseTraits(fakeGpu(LAVAPIPE).device, narrow, true);
    expect(formsFrom(swiftshader).map((t) => [kindOf(t), t.subgroupReduce])).toEqual([
      ['register', true],
      ['register', false],
    ]);
  });

  it('is never one of subgroups where the adapter has none', () => {
    for (const software of [true, false])
      for (const choice of ['auto', 'subgroup', 'register', 'shared', 'shared-f16'] as const) {
        const firefox = fakeGpu({ features: ['shader-f16'] }).device;
        const info = { subgroupMinSize: 8, subgroupMaxSize: 8 } as GPUAdapterInfo;
        for (const traits of formsFrom(chooseTraits(firefox, info, software, choice))) {
          expect(traits.tile.kind).not.toBe('subgroup');
          expect(traits.subgroupReduce).toBe(false);
        }
      }
  });
});

describe('a kernel that is refused', () => {
  const simple = kernel({
    name: 'simple',
    bindings: { out: 'f32' },
    uniforms: ['total'],
    body: 'fn main() {}',
  });

  it.each(WAYS.flatMap((way) => [true, false].map((synchronous) => ({ way, synchronous }))))(
    'is told from a broken device: $way, synchronous $synchronous',
    async ({ way, synchronous }) => {
      const gpu = fakeGpu({ way, refuse: () => 'no such builtin\nat line 3' });
      const error = await new Pipelines(gpu.device, synchronous).prepare([simple]).catch((e) => e);
      expect(error).toBeInstanceOf(KernelRefused);
      expect(error).toMatchObject({ kernel: 'simple', reason: 'no such builtin', code: 'backend' });
      expect(gpu.uncaptured).toEqual([]);
    },
  );

  it('is not what a lost device is', async () => {
    const { device } = fakeGpu();
    device.createComputePipelineAsync = async () => {
      throw new Error('the device is lost');
    };
    const error = await new Pipelines(device, false).prepare([simple]).catch((e) => e);
    expect(error).not.toBeInstanceOf(KernelRefused);
    expect(error).toMatchObject({ code: 'backend', message: 'the device is lost' });
  });
});

/** A shader that one of the forms has, and what such a browser says of it. */
const REFUSALS = {
  'float16 arithmetic': (code: string) => (code.includes('enable f16;') ? 'no vec4h' : null),
  'shared memory': (code: string) => (code.includes('stagedA') ? 'no shared memory' : null),
  subgroups: (code: string) => (code.includes('enable subgroups;') ? 'no subgroups' : null),
  everything: () => 'no shaders',
};

describe.each(WAYS)('images where a refusal comes as: %s', (way) => {
  const { config, weights } = openModelArgument('fashion-mnist-32x32-teacher');
  const pixels = new Float32Array(2 * 32 * 32);

  async function images(traits: KernelTraits, refuse: (code: string) => string | null) {
    const gpu = fakeGpu({ features: ['shader-f16', 'subgroups'], refuse, way });
    const context = new GpuContext(gpu.device, true, traits);
    const lines: string[] = [];
    context.onRefusal = (line) => lines.push(line);
    const opened = PlannedDenoiser.open(config, weights, openWebGpu(context, 'f16'));
    return { gpu, context, lines, denoiser: await opened };
  }

  it.each<{ what: keyof typeof REFUSALS; form: string; traits: KernelTraits; taken: string[] }>([
    {
      what: 'float16 arithmetic',
      form: 'shared-f16',
      traits: HARDWARE_F16,
      taken: ['shared-memory tiles in float32'],
    },
    {
      what: 'shared memory',
      form: 'shared-f16',
      traits: HARDWARE_F16,
      taken: ['shared-memory tiles in float32', 'register tiles'],
    },
    { what: 'shared memory', form: 'shared', traits: HARDWARE, taken: ['register tiles'] },
    { what: 'subgroups', form: 'subgroup', traits: subgroups, taken: ['register tiles'] },
  ])('$what, from $form: the next form makes them', async ({ what, traits, taken }) => {
    const { gpu, context, lines, denoiser } = await images(traits, REFUSALS[what]);
    const made = await denoiser.denoise(pixels, 80, [0, 1]);
    expect(made).toHaveLength(pixels.length);
    expect(lines.map((line) => /going on with (.*)\.$/.exec(line)?.[1])).toEqual(taken);
    for (const line of lines)
      expect(line).toContain(REFUSALS[what]('enable f16; enable subgroups; stagedA')!);
    expect(context.traits.reason).toContain('was refused');
    expect([gpu.invalid, gpu.uncaptured]).toEqual([[], []]);
    denoiser.dispose();
    expect(context.memory.bytes).toBe(0);
  });

  it('another network begins with the form that was accepted', async () => {
    const { gpu, context, lines, denoiser } = await images(HARDWARE_F16, REFUSALS['shared memory']);
    await denoiser.denoise(pixels, 80, [0, 1]);
    const before = gpu.programs.length;
    const other = await openOnWebGpu(config, weights, { context, precision: 'f32' });
    await other.denoiser.denoise(pixels, 80, [0, 1]);
    expect(lines).toHaveLength(2);
    expect(gpu.programs.slice(before).filter(({ code }) => code.includes('stagedA'))).toEqual([]);
  });

  it('the error speaks of the driver only when no form is left', async () => {
    const { lines, denoiser, gpu } = await images(HARDWARE_F16, REFUSALS.everything);
    await expect(denoiser.denoise(pixels, 80, [0, 1])).rejects.toThrow(KernelRefused);
    expect(lines).toHaveLength(2);
    expect(gpu.uncaptured).toEqual([]);
  });
});

describe('tensors', () => {
  afterEach(() => tf.removeBackend('webgpu'));

  const convolve = () =>
    tf.tidy(() =>
      tf.conv2d(tf.zeros<tf.Rank.R4>([1, 8, 8, 16]), tf.zeros<tf.Rank.R4>([3, 3, 16, 16]), 1, 'same'),
    );
  const products = (gpu: FakeGpu) =>
    gpu.programs.filter(({ name }) => / conv /.test(name)).map(({ name }) => name);

  it.each(WAYS)('go over to the next form before anything runs: %s', async (way) => {
    const gpu = fakeGpu({ features: ['shader-f16'], refuse: REFUSALS['shared memory'], way });
    const active = await activateWebGPU(gpu.adapter);
    await readyTensors();
    expect(kindOf(active.gpu!.traits)).toBe('register');
    convolve().dispose();
    expect([gpu.invalid, gpu.uncaptured]).toEqual([[], []]);
    expect(products(gpu).at(-1)).toMatch(/^register/);
  });

  it('keep the first form where it is taken', async () => {
    const gpu = fakeGpu({ features: ['shader-f16'] });
    await activateWebGPU(gpu.adapter);
    await readyTensors();
    convolve().dispose();
    expect(products(gpu).every((name) => name.startsWith('shared'))).toBe(true);
  });
});
