import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { openBackend } from '../../../cli/backend';
import { fileSource } from '../../../cli/files';
import { startNodeThread } from '../../../cli/threads';
import type { Device } from '../../../src/engine/inference/device';
import { Inference } from '../../../src/engine/inference/inference';
import { openOnWasm, residentBytes } from '../../../src/engine/inference/open-denoiser';
import type { Model } from '../../../src/engine/models/model';
import { openModel } from '../../../src/engine/models/open-model';
import type { NetworkConfig } from '../../../src/nn/config';
import { Denoiser } from '../../../src/nn/denoiser';
import { parameterCount, parameterSpecs } from '../../../src/nn/parameters';
import { planNetwork } from '../../../src/nn/plan/network-plan';
import { PlannedDenoiser } from '../../../src/nn/plan/planned-denoiser';
import { chooseForms, convSize } from '../../../src/nn/plan/wasm/forms';
import type { WeightSource } from '../../../src/nn/weights';
import { maxError, readGolden, shippedCases } from '../../support/fixtures';

const { checkpoint, golden } = shippedCases()[0]!;
const model = openModel(fileSource(checkpoint));
const threads = { threads: 2, startThread: startNodeThread };

describe('inference on WebAssembly', () => {
  it('runs the plan on threads; a network that may not be packed runs on TensorFlow.js alike', async () => {
    await openBackend('wasm');
    const planned = await openOnWasm(model.config, model.weights, threads);
    expect(planned.denoiser).toBeInstanceOf(PlannedDenoiser);
    expect([planned.threads, planned.refused]).toEqual([2, null]);

    const eager = await openOnWasm(model.config, model.weights, { ...threads, budget: 1000 });
    expect(eager.denoiser).toBeInstanceOf(Denoiser);
    expect(eager.threads).toBe(1);
    expect(eager.refused).toMatch(/too large/);

    const file = readGolden(golden);
    const x = file.float('latents').map((z) => 2.5 * z);
    const images = await Promise.all(
      [planned, eager].map(({ denoiser }) => denoiser.denoise(x, 2.5, file.classes)),
    );
    expect(maxError(images[0]!, images[1]!)).toBeLessThan(1e-4);
    for (const { denoiser } of [planned, eager]) denoiser.dispose();
  });

  it('passes other errors on', async () => {
    const damaged = { ...model.weights, shape: () => undefined };
    await expect(openOnWasm(model.config, damaged, threads)).rejects.toThrow(/missing/);
  });
});

describe('a network that is too large to be packed, in the page', () => {
  /** Wide, of few pixels: much to hold and little to compute. Its weights are made as they are read. */
  const large = (parameters: number): NetworkConfig => {
    const unet = { ...model.config.unet, imgResolution: 4, channelMult: [1], attnResolutions: [] };
    for (let channels = 128; ; channels += 32) {
      const config = { ...model.config, unet: { ...unet, modelChannels: channels } };
      if (parameterCount(config.unet) >= parameters) return config;
    }
  };

  it('keeps a byte a parameter at most; the rest stays in the file and is read at each pass', async () => {
    const active = await openBackend('wasm');
    const config = large(1.06e8);
    const shapes = new Map(parameterSpecs(config.unet).map(({ name, shape }) => [name, shape]));
    const reads = new Map<string, number>();
    let bytes = 0;
    const weights: WeightSource = {
      names: () => shapes.keys(),
      shape: (name) => shapes.get(name),
      read(name) {
        reads.set(name, (reads.get(name) ?? 0) + 1);
        const values = new Float32Array(shapes.get(name)!.reduce((a, b) => a * b, 1));
        bytes += values.byteLength;
        return values;
      },
    };
    const device = {
      backend: active,
      threads: 1,
      failure: new Promise<never>(() => {}),
    } as unknown as Device;
    const before = tf.memory().numBytes;
    const inference = await Inference.open(
      device,
      { config, weights, notes: [], half: false, metadata: new Map() } as unknown as Model,
      'auto',
    );
    expect(inference.denoiser).toBeInstanceOf(Denoiser);
    const { imgResolution, inChannels } = config.unet;
    const x = new Float32Array(imgResolution ** 2 * inChannels);
    for (let pass = 0; pass < 2; pass++) await inference.denoiser.denoise(x, 80, null);
    const held = tf.memory().numBytes - before;
    expect(held).toBeGreaterThan(2 ** 20);
    expect(held).toBeLessThanOrEqual(residentBytes(config));
    expect(bytes).toBeGreaterThan(4 * parameterCount(config.unet)); // some of them twice
    expect([...reads.values()].some((count) => count === 1)).toBe(true);
    inference.dispose();
  });
});

describe('forms of convolutions', () => {
  const plan = planNetwork(model.config.unet, model.weights);
  const bytes = (budget: number): number =>
    [...chooseForms(plan, budget)].reduce((sum, [step, form]) => sum + 4 * convSize(step, form), 0);

  it('use what memory there is, never more', () => {
    const most = bytes(Number.POSITIVE_INFINITY);
    let before = 0;
    for (const share of [0.5, 0.7, 0.9, 1.1]) {
      const budget = share * most;
      let found = 0;
      try {
        found = bytes(budget);
      } catch (error) {
        expect(String(error)).toMatch(/too large/);
      }
      expect(found).toBeLessThanOrEqual(budget);
      expect(found).toBeGreaterThanOrEqual(before);
      before = found;
    }
    expect(before).toBe(most);
  });

  it('give memory to the largest maps first', () => {
    const most = bytes(Number.POSITIVE_INFINITY);
    const forms = chooseForms(plan, 0.9 * most);
    const rank = { direct: 0, winograd2: 1, winograd4: 2, matrix: -1 };
    const sides = (form: keyof typeof rank) =>
      [...forms].filter(([step, f]) => f === form && step.kernel === 3).map(([step]) => step.out.height);
    if (sides('winograd4').length > 0 && sides('winograd2').length > 0)
      expect(Math.max(...sides('winograd4'))).toBeGreaterThanOrEqual(Math.max(...sides('winograd2')));
    expect([...forms.values()].some((form) => rank[form] > 0)).toBe(true);
  });
});
