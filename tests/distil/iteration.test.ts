import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { openBackend } from '../../cli/backend';
import { startNodeThread } from '../../cli/threads';
import { type FreezeLevel, preset } from '../../src/distil/config';
import { RandomStream } from '../../src/distil/random';
import { DistilTrainer } from '../../src/distil/trainer';
import type { NetworkConfig } from '../../src/nn/config';
import { DistilledDeiT } from '../../src/nn/features/deit';
import { VGG16BN } from '../../src/nn/features/vgg16-bn';
import type { OpenExecutor } from '../../src/nn/plan/training/executor';
import { WasmIterations } from '../../src/nn/plan/training/wasm/executor';
import { drawnWeights } from '../support/drawn';
import { FIXTURES, readGolden } from '../support/fixtures';

/**
 * One whole published iteration, G, D, R1, Adam and the average, against plain PyTorch (tests/fixtures/make_iteration.py):
 * the paper's preset on a small network, two feature networks, two parts of two images as on two GPUs.
 */
const golden = readGolden(join(FIXTURES, 'method/iteration.golden.safetensors'));
const shapes = JSON.parse(golden.metadata.get('shapes')!);
const cases: { loss: 'ns' | 'hinge'; freeze: FreezeLevel; iteration: number }[] = JSON.parse(
  golden.metadata.get('cases')!,
);
const [WEIGHTS, BATCH, SIZE] = [11, 4, 64];
const RATE = 1e-4;

const NETWORK: NetworkConfig = {
  precond: 'GDDPrecond',
  sigmaData: 0.5,
  sigmaShift: 0.002,
  vp: { betaD: 0, betaMin: 0, M: 0 },
  iddpm: null,
  unet: {
    modelType: 'SongUNet',
    imgResolution: 16,
    inChannels: 3,
    outChannels: 3,
    labelDim: 2,
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

beforeAll(async () => {
  await openBackend('wasm');
});

/** As `sampled` of plain_torch.py takes them. */
const sampled = (values: Float32Array, count: number): Float32Array =>
  Float32Array.from({ length: count }, (_, i) => values[Math.floor((i * values.length) / count)]!);
const largest = (values: Iterable<number>) => {
  let max = 0;
  for (const v of values) max = Math.max(max, Math.abs(v));
  return max;
};

const EXECUTORS: Record<string, OpenExecutor | undefined> = {
  'op by op': undefined,
  'as a recorded graph': async () => new WasmIterations({ threads: 1, startThread: startNodeThread }),
};

describe.each(cases)('$loss, freeze level $freeze', ({ loss, freeze, iteration }) => {
  // The graph of the step that has R1 has all that the other has.
  const executors = Object.keys(EXECUTORS).slice(0, golden.has(`${loss}.r1`) ? 2 : 1);
  it.each(executors)('equals PyTorch %s', { timeout: 900_000 }, async (executor) => {
    const plan = EXECUTORS[executor];
    const teacher = drawnWeights(shapes.generator, WEIGHTS);
    const trainer = await DistilTrainer.open({
      network: NETWORK,
      teacher,
      data: {
        position: 0,
        next: async () => ({
          images: new RandomStream(77, 'featureNoise', 0).uniforms(BATCH * 768).map((u) => 2 * u - 1),
          labels: [0, 1, 1, 0],
        }),
      },
      // The second one's heads come first, as in the published pairs.
      features: () => [
        new DistilledDeiT(drawnWeights(shapes.deit, WEIGHTS), new RandomStream(3, 'adapters', 0), SIZE),
        new VGG16BN(drawnWeights(shapes['vgg16-bn'], WEIGHTS), SIZE),
      ],
      config: {
        ...preset('paper-cifar10'),
        batch: BATCH,
        batchGpu: 2,
        freeze,
        lossType: loss,
      },
      iteration,
      images: iteration * BATCH,
      ...(plan && { plan }),
    });
    expect(trainer.facts).toMatchObject({ executor: plan ? 'plan' : 'tensorflow.js', reason: null });
    const report = await trainer.step();
    const value = (name: string) => golden.float(`${loss}.${name}`);
    const near = (found: number, expected: number, relative: number, what: string) =>
      expect(Math.abs(found - expected), what).toBeLessThanOrEqual(relative * Math.abs(expected));
    near(report.lossG!, value('loss.g')[0]!, 1e-4, 'loss of G');
    near(report.lossD!, value('loss.d')[0]!, 1e-4, 'loss of D');
    const withR1 = golden.has(`${loss}.r1`);
    if (withR1) near(report.r1!, value('r1')[0]!, 1e-3, 'R1');
    else expect(report.r1).toBeNull();

    const state = await trainer.state();
    const found = (prefix: string, name: string, count: number) =>
      sampled(state.get(prefix + name)!.values, count);
    const trained = [...state.keys()]
      .filter((key) => key.startsWith('generator.'))
      .map((key) => key.slice(10));
    expect(trained.length).toBe(golden.names().filter((n) => n.startsWith(`${loss}.g.`)).length);
    let compared = 0;
    for (const name of trained) {
      const square = value(`g2.${name}`);
      const top = largest(square);
      const before = sampled(teacher.read(name), square.length);
      const [after, ema] = [value(`g.${name}`), value(`ema.${name}`)];
      const [ours, average] = [found('generator.', name, square.length), found('ema.', name, square.length)];
      for (const [i, v] of found('adamG.', name, square.length).entries()) {
        expect(Math.abs(v - square[i]!), `second moment of ${name}`).toBeLessThanOrEqual(1e-2 * top + 1e-16);
        // Adam's first step is the sign of a gradient: noise where there is hardly one.
        if (square[i]! < 1e-3 * top || top < 1e-14) continue;
        compared++;
        expect(Math.abs(ours[i]! - after[i]!), name).toBeLessThanOrEqual(0.01 * RATE);
        expect(Math.abs(average[i]! - ema[i]!), `average of ${name}`).toBeLessThanOrEqual(0.01 * RATE);
        expect(Math.abs(after[i]! - before[i]!), `${name} moves`).toBeGreaterThan(0.5 * RATE);
      }
    }
    expect(compared).toBeGreaterThan(500);

    compared = 0;
    let off = 0;
    for (const key of state.keys()) {
      if (!key.startsWith('adamD.')) continue;
      const name = key.slice('adamD.'.length);
      const [square, after] = [value(`d2.${name}`), value(`d.${name}`)];
      const top = largest(square);
      const ours = found('heads.', name, square.length);
      for (const [i, v] of found('adamD.', name, square.length).entries()) {
        expect(Math.abs(v - square[i]!), `second moment of ${name}`).toBeLessThanOrEqual(5e-2 * top + 1e-12);
        if (square[i]! < 1e-3 * top || top < 1e-10 || /bias$/.test(name)) continue;
        compared++;
        off += (ours[i]! - after[i]!) ** 2;
        expect(Math.abs(ours[i]! - after[i]!), name).toBeLessThanOrEqual(0.05 * RATE);
      }
    }
    expect(compared).toBeGreaterThan(500);
    expect(Math.sqrt(off / compared)).toBeLessThan(5e-3 * RATE);
    trainer.dispose();
    tf.disposeVariables();
  });
});
