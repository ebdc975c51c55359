import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBackend } from '../../cli/backend';
import { fileSource } from '../../cli/files';
import { RandomStream } from '../../src/distil/random';
import { openFeatureFile } from '../../src/engine/models/feature-file';
import type { BackendName } from '../../src/lib/backends';
import { toNCHW } from '../../src/nn/denoiser';
import { headSpecs } from '../../src/nn/discriminator/heads';
import { DistilledDeiT } from '../../src/nn/features/deit';
import { VGG16BN } from '../../src/nn/features/vgg16-bn';
import '../../src/nn/tf/gradients';
import { drawnWeights } from '../support/drawn';
import { FIXTURES, maxError, readGolden } from '../support/fixtures';

/** VGG16-BN and DeiT distilled against plain PyTorch (tests/fixtures/make_large_features.py). */
const backends = (process.env.INNATE_TEST_BACKENDS ?? 'wasm,cpu').split(',') as BackendName[];
const SEED = 11;
const golden = readGolden(join(FIXTURES, 'method/large-features.golden.safetensors'));
const shapes = JSON.parse(golden.metadata.get('shapes')!);

const image = (resolution: number): tf.Tensor4D => {
  const values = new RandomStream(SEED, 'discriminatorNoise', 0).normals(3 * resolution ** 2);
  return tf.tensor4d(
    values.map((z) => 0.5 * z),
    [1, resolution, resolution, 3],
  );
};
const make = {
  'vgg16-bn': (of: typeof shapes, size: number) => new VGG16BN(drawnWeights(of['vgg16-bn'], SEED), size),
  'deit-distilled': (of: typeof shapes, size: number) =>
    new DistilledDeiT(drawnWeights(of['deit-distilled'], SEED), new RandomStream(3, 'adapters', 0), size),
};
const largest = (values: Float32Array) => values.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
const nchw = async (t: tf.Tensor): Promise<Float32Array> => {
  const [n, h, w, c] = t.shape as [number, number, number, number];
  return toNCHW((await t.data()) as Float32Array, n, c, h * w);
};

describe.each(backends)('%s', (backend) => {
  beforeAll(async () => {
    await openBackend(backend);
  });
  afterAll(() => expect(tf.memory().numTensors).toBe(0));

  it.each(['vgg16-bn', 'deit-distilled'] as const)(
    '%s: four maps, and the gradient of the image',
    async (name) => {
      const net = make[name](shapes, 64);
      const x = image(32);
      const maps = tf.tidy(() => net.maps(x));
      expect(maps.map((m) => m.shape[3])).toEqual(net.channels);
      expect(maps.map((m) => m.shape[1])).toEqual(net.sizes());
      for (const [i, map] of maps.entries()) {
        const expected = golden.float(`${name}.map.${i}`);
        expect(maxError(await nchw(map), expected), `map ${i}`).toBeLessThanOrEqual(2e-5 * largest(expected));
      }
      const stream = new RandomStream(SEED, 'featureNoise', 0);
      const cotangents = maps.map((m) => tf.tensor4d(stream.normals(m.size), m.shape));
      const gradient = tf.grad((input: tf.Tensor) =>
        tf.addN(net.maps(input as tf.Tensor4D).map((m, i) => tf.sum(tf.mul(m, cotangents[i]!)))),
      )(x);
      const expected = golden.float(`${name}.grad_input`);
      expect(maxError(await nchw(gradient), expected)).toBeLessThanOrEqual(1e-4 * largest(expected));
      tf.dispose([x, maps, cotangents, gradient]);
      net.dispose();
    },
  );
});

/** 100 M drawn weights and 34 GMAC: minutes. INNATE_FULL_SIZE=1 asks for it. */
const wanted = process.env.INNATE_FULL_SIZE === '1';
describe.skipIf(!wanted)(`at full size${wanted ? '' : ' (set INNATE_FULL_SIZE=1)'}`, () => {
  const whole = readGolden(join(FIXTURES, 'method/large-features-full.golden.safetensors'));
  beforeAll(async () => {
    await openBackend('wasm');
  });

  it.each(['vgg16-bn', 'deit-distilled'] as const)('%s', { timeout: 600_000 }, async (name) => {
    const net = make[name](JSON.parse(whole.metadata.get('shapes')!), 224);
    const maps = tf.tidy(() => net.maps(image(64)));
    for (const [i, map] of maps.entries()) {
      const values = await nchw(map);
      const expected = whole.float(`${name}.map.${i}`);
      const found = expected.map((_, k) => values[Math.floor((k * values.length) / expected.length)]!);
      expect(maxError(found, expected), `map ${i}`).toBeLessThanOrEqual(1e-4 * largest(expected));
    }
    tf.dispose(maps);
    net.dispose();
  });
});

describe('files', () => {
  const open = (name: string) => openFeatureFile(fileSource(join(FIXTURES, 'method', name)));

  it("torchvision's state dict in the old torch format, with the batch norm folded in as it is read", async () => {
    const { name, weights } = open('vgg16-bn.legacy.pth');
    expect(name).toBe('vgg16-bn');
    expect(weights.shape('features.40.weight')).toEqual([2, 2, 3, 3]);
    const drawn = drawnWeights(
      Object.fromEntries(
        [...weights.names()].filter((n) => !n.endsWith('tracked')).map((n) => [n, weights.shape(n)!]),
      ),
      SEED,
    );
    for (const n of ['features.0.weight', 'features.41.running_var', 'features.24.bias'])
      expect(maxError(weights.read(n), drawn.read(n)), n).toBeLessThan(1e-6);
  });

  it("the authors' file, whose state dict stands in another dict", () => {
    const { name, weights } = open('deit.wrapped.zip.pth');
    expect(name).toBe('deit-distilled');
    expect(weights.shape('pos_embed')).toEqual([1, 3, 64]);
  });

  it('of other networks are refused, and say what is wanted', () => {
    expect(() => open('large-features.golden.safetensors')).toThrow(/not a feature network/);
  });
});

describe("the published heads' shapes at 224", () => {
  const logits = (size: number, sizes: number[]) =>
    headSpecs({
      style: 'paper',
      channels: [64, 64, 128, 256],
      sizes,
      networks: [4],
      classes: 0,
      embeddingDim: 0,
      width: 0,
    }).map(({ hidden, last }, i) => ({
      widths: hidden.map((h) => h.outChannels),
      end: (2 * size) / [2, 4, 8, 16][i]! / 2 ** hidden.length - last.kernel + 1,
    }));

  it('follow nominal sizes: VGG16-BN ends at 14x14 and has 121 logits a head', () => {
    const weights = drawnWeights(shapes['vgg16-bn'], SEED);
    const net = new VGG16BN(weights, 224);
    const heads = logits(
      224,
      net.nominalSizes().map((s) => 2 * s),
    );
    expect(heads.map((h) => h.widths)).toEqual([[64, 128, 256, 512], [128, 256, 512], [256, 512], [512]]);
    expect(heads.map((h) => h.end ** 2)).toEqual([121, 121, 121, 121]);
    net.dispose();
  });
});
