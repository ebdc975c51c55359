import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBackend } from '../../cli/backend';
import { recordedGraphs } from '../../cli/recorded-graphs';
import { RandomStream } from '../../src/distil/random';
import type { PixelBatch } from '../../src/engine/measure/feature-pass';
import { openInception } from '../../src/engine/measure/inception-file';
import { openOnBackend } from '../../src/engine/measure/measure-networks';
import { writeSafetensors } from '../../src/formats/safetensors';
import { bufferSource, type Source } from '../../src/formats/source';
import type { ActiveBackend } from '../../src/gpu/backends';
import type { BackendName } from '../../src/lib/backends';
import { INCEPTION_LAYERS, type InceptionInput, InceptionV3 } from '../../src/nn/features/inception';
import type { OpenExecutor } from '../../src/nn/plan/training/executor';
import type { WeightSource } from '../../src/nn/weights';
import { drawnWeights } from '../support/drawn';
import { FIXTURES, type Golden, maxError, readGolden } from '../support/fixtures';

/** The network of FID against plain PyTorch (tests/fixtures/make_measure.py, plain_inception.py). */
const backends = (process.env.INNATE_TEST_BACKENDS ?? 'wasm,cpu').split(',') as BackendName[];
const SEED = 29;
const INPUTS = ['tensorflow-1', 'pytorch-fid'] as const;
const golden = readGolden(join(FIXTURES, 'method/measure.golden.safetensors'));
const weightsOf = (of: Golden) => drawnWeights(JSON.parse(of.metadata.get('shapes')!), SEED);

type Tensors = Map<string, { shape: readonly number[]; values: Float32Array }>;

const read = (source: WeightSource): Tensors =>
  new Map([...source.names()].map((n) => [n, { shape: source.shape(n)!, values: source.read(n) }]));

function fileOf(tensors: Tensors, name = 'inception.safetensors'): Source {
  const data = new Map(
    [...tensors].map(([key, { shape, values }]) => [
      key,
      {
        dtype: 'f32' as const,
        shape,
        bytes: () => new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
      },
    ]),
  );
  const pieces = [...writeSafetensors({ tensors: data })];
  return bufferSource(new Uint8Array(Buffer.concat(pieces)), name);
}

/** Two images of drawn bytes, as they come: in [-1, 1]. */
function images(): PixelBatch {
  const u = new RandomStream(SEED, 'discriminatorNoise', 0).uniforms(2 * 3 * 32 ** 2);
  const values = Float32Array.from(u, (v) => Math.floor(v * 256) / 127.5 - 1);
  return { values, count: 2, resolution: 32, channels: 3 };
}

async function measured(source: WeightSource, input: InceptionInput, plan?: OpenExecutor) {
  const net = await openOnBackend(new InceptionV3(source, input), plan);
  const found = await net.run(images());
  net.dispose();
  return { features: found.get('features')!, logits: found.get('logits')! };
}

const largest = (values: Float32Array) => values.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
const relative = (found: Float32Array, expected: Float32Array) =>
  maxError(found, expected) / largest(expected);

describe.each(backends)('%s', (backend) => {
  let active: ActiveBackend;
  beforeAll(async () => {
    active = await openBackend(backend);
  });
  afterAll(() => expect(tf.memory().numTensors).toBe(0));

  const WAYS = backend === 'cpu' ? ['op by op'] : ['op by op', 'on the plan'];
  it.each(WAYS.flatMap((way) => INPUTS.map((input) => ({ way, input }))))(
    'features and logits of images resized as $input, $way',
    async ({ way, input }) => {
      const plan = way === 'on the plan' ? recordedGraphs(active) : undefined;
      const found = await measured(openInception(fileOf(read(weightsOf(golden)))), input, plan);
      expect(found.features.length).toBe(2 * 256);
      for (const what of ['features', 'logits'] as const)
        expect(relative(found[what], golden.float(`${input}.${what}`)), what).toBeLessThan(1e-5);
    },
  );
});

it('the two ways to resize are not the same', () => {
  const [a, b] = INPUTS.map((input) => golden.float(`${input}.features`)) as [Float32Array, Float32Array];
  expect(relative(a, b)).toBeGreaterThan(1e-3);
});

describe('files', () => {
  beforeAll(async () => {
    await openBackend('wasm');
  });
  const tensors = read(weightsOf(golden));

  it("NVIDIA's names, whose norms have no scale", async () => {
    const found = await measured(openInception(fileOf(nvidia(tensors))), 'tensorflow-1');
    expect(relative(found.features, golden.float('tensorflow-1.features'))).toBeLessThan(1e-5);
    expect(relative(found.logits, golden.float('tensorflow-1.logits'))).toBeLessThan(1e-5);
  });

  it('a state dict that stands within another is found', () => {
    const within = new Map([...tensors].map(([key, t]) => [`detector.${key}`, t]));
    expect(openInception(fileOf(within)).shape('Mixed_7c.branch_pool.weight')).toEqual([24, 256, 1, 1]);
  });

  it("torchvision's own weights are refused, as are other networks and files with a tensor missing", () => {
    const scalar = { shape: [1], values: Float32Array.of(0) };
    expect(() => openInception(fileOf(new Map([...tensors, ['AuxLogits.fc.bias', scalar]])))).toThrow(
      /torchvision's own/,
    );
    const without = new Map([...tensors].filter(([key]) => key !== 'Mixed_6b.branch7x7_2.bn.running_var'));
    expect(() => openInception(fileOf(without))).toThrow(/missing/);
    expect(() => openInception(fileOf(new Map([['features.0.weight', scalar]])))).toThrow(
      /not the Inception/,
    );
  });
});

/** 24 M drawn weights and 23 GMAC: INNATE_FULL_SIZE=1 asks for it. */
const wanted = process.env.INNATE_FULL_SIZE === '1';
it.runIf(wanted)('at full size', { timeout: 600_000 }, async () => {
  const whole = readGolden(join(FIXTURES, 'method/inception-full.golden.safetensors'));
  const plan = recordedGraphs(await openBackend('wasm'));
  const source = openInception(fileOf(read(weightsOf(whole))));
  for (const input of INPUTS) {
    const found = await measured(source, input, plan);
    for (const what of ['features', 'logits'] as const) {
      const expected = whole.float(`${input}.${what}`);
      const some = expected.map(
        (_, k) => found[what][Math.floor((k * found[what].length) / expected.length)]!,
      );
      expect(relative(some, expected), what).toBeLessThan(1e-3);
    }
  }
});

/** The same network with the names of the TensorFlow graph; the norms' scales are in the convolutions. */
function nvidia(tensors: Tensors): Tensors {
  const out: Tensors = new Map();
  for (const [i, layer] of INCEPTION_LAYERS.entries()) {
    const path = `layers.${NVIDIA_LAYERS[i]}`;
    const { shape, values } = tensors.get(`${layer}.conv.weight`)!;
    const scale = tensors.get(`${layer}.bn.weight`)!.values;
    const fan = values.length / scale.length;
    out.set(`${path}.weight`, { shape, values: values.map((v, k) => v * scale[Math.floor(k / fan)]!) });
    out.set(`${path}.beta`, tensors.get(`${layer}.bn.bias`)!);
    const mean = tensors.get(`${layer}.bn.running_mean`)!;
    out.set(`${path}.mean`, { ...mean, values: mean.values.map((v, k) => v * scale[k]!) });
    out.set(`${path}.var`, tensors.get(`${layer}.bn.running_var`)!);
  }
  out.set('output.weight', tensors.get('fc.weight')!);
  out.set('output.bias', tensors.get('fc.bias')!);
  return out;
}

const A = ['conv', 'tower.conv', 'tower.conv_1', 'tower_1.conv', 'tower_1.conv_1', 'tower_1.conv_2'];
const C = ['conv', 'tower.conv', 'tower.conv_1', 'tower.conv_2', 'tower_1.conv', 'tower_1.conv_1'];
const C_REST = ['tower_1.conv_2', 'tower_1.conv_3', 'tower_1.conv_4', 'tower_2.conv'];
const E = ['conv', 'tower_conv', 'tower_mixed_conv', 'tower_mixed_conv_1', 'tower_1_conv', 'tower_1_conv_1'];
const BLOCKS = {
  A: [...A, 'tower_2.conv'],
  B: ['conv', 'tower.conv', 'tower.conv_1', 'tower.conv_2'],
  C: [...C, ...C_REST],
  D: ['tower.conv', 'tower.conv_1', 'tower_1.conv', 'tower_1.conv_1', 'tower_1.conv_2', 'tower_1.conv_3'],
  E: [...E, 'tower_1_mixed_conv', 'tower_1_mixed_conv_1', 'tower_2_conv'],
};
/** In the order of `INCEPTION_LAYERS`, as programs that convert NVIDIA's file list them. */
const NVIDIA_LAYERS = [
  ...['conv', 'conv_1', 'conv_2', 'conv_3', 'conv_4'],
  ...[...'AAABCCCCDEE'].flatMap((kind, i) =>
    BLOCKS[kind as keyof typeof BLOCKS].map((name) => `mixed${i === 0 ? '' : `_${i}`}.${name}`),
  ),
];
