import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { openBackend } from '../../../cli/backend';
import { fileSource } from '../../../cli/files';
import { recordedGraphs } from '../../../cli/recorded-graphs';
import { RandomStream } from '../../../src/distil/random';
import type { PixelBatch } from '../../../src/engine/measure/feature-pass';
import {
  type MeasureNetwork,
  openMeasureNetwork,
  openOnBackend,
} from '../../../src/engine/measure/measure-networks';
import { PlannedFeatures } from '../../../src/engine/measure/planned-features';
import { checkpointWeights } from '../../../src/engine/models/weights';
import { readSafetensors } from '../../../src/formats/safetensors';
import type { ActiveBackend } from '../../../src/gpu/backends';
import type { BackendName } from '../../../src/lib/backends';
import { OutOfMemory } from '../../../src/lib/errors';
import { CifarResNet } from '../../../src/nn/features/cifar-resnet';
import { type IterationExecutor, type OpenExecutor, Unplanned } from '../../../src/nn/plan/training/executor';
import { maxError } from '../../support/fixtures';
import { smallResNet } from '../../support/small-resnet';

/** Feature networks on the plan against the same networks op by op on TensorFlow.js. */
const backends = (process.env.INNATE_TEST_BACKENDS ?? 'wasm').split(',') as BackendName[];
const weights = async (name: string) =>
  checkpointWeights(
    readSafetensors(fileSource(join(import.meta.dirname, `../../../public/features/${name}.safetensors`))),
  );

function drawnImages(count: number, resolution: number, channels: number): PixelBatch {
  const u = new RandomStream(5, 'discriminatorNoise', 0).uniforms(count * resolution ** 2 * channels);
  return {
    values: Float32Array.from(u, (v) => Math.floor(v * 256) / 127.5 - 1),
    count,
    resolution,
    channels,
  };
}

/** Largest difference, as a share of the largest value. */
const relative = (found: Float32Array, expected: Float32Array) =>
  maxError(found, expected) / expected.reduce((m, v) => Math.max(m, Math.abs(v)), 0);

async function features(net: MeasureNetwork, images: PixelBatch): Promise<Float32Array> {
  return (await net.run(images)).get('features')!;
}

describe.each(backends.filter((name) => name !== 'cpu'))('%s', (backend) => {
  let active: ActiveBackend;
  beforeAll(async () => {
    active = await openBackend(backend);
  });

  it.each([
    { features: 'resnet56', images: [3, 32, 3] },
    { features: 'resnet56', images: [2, 64, 1] },
    { features: 'mobilenet', images: [2, 32, 3] },
    { features: 'lite0', images: [2, 64, 3] },
  ] as const)('$features of images $images', { timeout: 240_000 }, async ({ features: name, images }) => {
    const batch = drawnImages(...(images as readonly [number, number, number]));
    const eager = await openMeasureNetwork({ features: name, weights });
    const planned = await openMeasureNetwork({ features: name, weights, plan: recordedGraphs(active) });
    const expected = await features(eager, batch);
    expect(expected.length).toBe(batch.count * eager.dims);
    expect(relative(await features(planned, batch), expected)).toBeLessThan(1e-5);
    eager.dispose();
    planned.dispose();
  });

  it('the rest of a batch is what it is by itself, and a second size of images goes through the same weights', async () => {
    const open = () => openOnBackend(new CifarResNet(smallResNet()), recordedGraphs(active));
    const [all, alone] = [await open(), await open()];
    const batch = drawnImages(5, 32, 3);
    const five = await features(all, batch);
    const first = { ...batch, count: 1, values: batch.values.slice(0, 32 * 32 * 3) };
    expect(relative(await features(alone, first), five.slice(0, all.dims))).toBeLessThan(1e-6);
    const large = drawnImages(2, 64, 3);
    expect(relative(await features(all, large), await features(alone, large))).toBeLessThan(1e-6);
    expect(await features(all, batch)).toEqual(five);
    all.dispose();
    alone.dispose();
  });
});

it.each([new Unplanned('a pool'), new OutOfMemory('backend', 'the GPU is out of memory')])(
  'a network that the executor has no kernels or no memory for is run op by op: %s',
  async (refusal) => {
    await openBackend('wasm');
    let asked = 0;
    const refusing = async () =>
      ({
        async prepare() {
          asked++;
          throw refusal;
        },
        dispose() {},
      }) as unknown as IterationExecutor;
    const net = new CifarResNet(smallResNet());
    const batch = drawnImages(2, 32, 3);
    const refused = await openOnBackend(net, refusing as OpenExecutor);
    const eager = await openOnBackend(net);
    const expected = await features(eager, batch);
    expect(await features(refused, batch)).toEqual(expected);
    expect(await features(refused, batch)).toEqual(expected);
    expect(asked).toBe(1);
    refused.dispose();
    eager.dispose();
  },
);

it('another failure is no reason to run it op by op', async () => {
  const failing = { prepare: () => Promise.reject(new Error('lost')), dispose() {} };
  const planned = await PlannedFeatures.open(
    new CifarResNet(smallResNet()),
    async () => failing as unknown as IterationExecutor,
  );
  await expect(planned.run(drawnImages(1, 32, 3))).rejects.toThrow('lost');
});
