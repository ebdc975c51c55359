import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { openBackend } from '../../cli/backend';
import { fileSource } from '../../cli/files';
import { preset, savedConfig } from '../../src/distil/config';
import { freezeFacts, freezeMetadata, frozenBy, parseFreeze, trainedBy } from '../../src/distil/freeze';
import { SAVED_CONFIG } from '../../src/distil/saved-meta';
import { TrainableParameters } from '../../src/distil/trainable';
import { exportDelta } from '../../src/engine/models/export';
import { openModel } from '../../src/engine/models/open-model';
import '../../src/nn/tf/gradients';
import * as v from 'valibot';
import { unetBlocks } from '../../src/nn/blocks';
import { Denoiser, fourierFrequencies } from '../../src/nn/denoiser';
import { parameterSpecs } from '../../src/nn/parameters';
import { FIXTURES } from '../support/fixtures';

beforeAll(async () => {
  await openBackend('wasm');
});

const open = (name: string) => openModel(fileSource(join(FIXTURES, 'mini', `${name}.pkl`)));
const { config, weights } = open('mini-ncsnpp-16-cond');
const names = parameterSpecs(config.unet)
  .filter((s) => !s.buffer && !s.optional)
  .map((s) => s.name);
const frozen = (freeze: Parameters<typeof frozenBy>[0]) => frozenBy(freeze, config.unet);

describe('what --freeze takes', () => {
  it('is a level, or globs between commas', () => {
    expect(parseFreeze('2')).toBe(2);
    expect(parseFreeze('enc.*, map_*')).toEqual(['enc.*', 'map_*']);
    expect(parseFreeze('*')).toEqual(['*']);
  });
  it.each(['4', '-1', '1.5', '', 'enc.*,', '1,2'])('is not %j', (text) => {
    expect(() => parseFreeze(text)).toThrow(/neither a level nor globs/);
  });
});

describe('globs over parameter names', () => {
  it('match whole names, with "model." or without', () => {
    const encoder = names.filter((n) => n.startsWith('model.enc.'));
    expect(frozen(['enc.*'])).toEqual(encoder);
    expect(frozen(['model.enc.*'])).toEqual(encoder);
    expect(frozen(['*.conv0.*'])).toEqual(names.filter((n) => n.includes('.conv0.')));
    expect(frozen(['enc.16x16_con?.bias'])).toEqual(['model.enc.16x16_conv.bias']);
    expect(frozen(['*.bias'])).toEqual(names.filter((n) => n.endsWith('.bias')));
  });
  it('add up, in the order of the parameters', () => {
    const both = frozen(['map_*', 'enc.*', 'enc.16x16_conv.*']);
    expect(both).toEqual(names.filter((n) => /^model\.(enc\.|map_)/.test(n)));
  });
  it('that match nothing are refused with names that are near', () => {
    expect(() => frozen(['enc.*', '*.conv2.*'])).toThrowError(
      expect.objectContaining({
        code: 'bad-argument',
        detail: expect.objectContaining({
          where: '*.conv2.*',
          expected: expect.stringMatching(/8x8_in0\.conv0/),
        }),
      }),
    );
    expect(() => frozen(['encoder.*'])).toThrowError(
      expect.objectContaining({
        detail: expect.objectContaining({ expected: expect.stringContaining('enc.') }),
      }),
    );
    expect(() => frozen(['enc.16x16_conv'])).toThrow(/no parameter/); // a name has its ending
  });
  it('dots and brackets of a glob are themselves', () => {
    expect(() => frozen(['encx*'])).toThrow(/no parameter/);
    expect(() => frozen(['enc[.]*'])).toThrow(/no parameter/);
  });
});

describe('what trains', () => {
  it('is counted, and said in the metadata', () => {
    const run = { method: 'gdd', freeze: ['enc.*', 'map_*'] } as const;
    const facts = freezeFacts(run, config.unet);
    const size = (of: string[]) =>
      of.reduce((sum, n) => sum + weights.shape(n)!.reduce((a, b) => a * b, 1), 0);
    const decoder = names.filter((n) => n.startsWith('model.dec.'));
    expect(facts).toMatchObject({ freeze: 'enc.*,map_*', trained: size(decoder), parameters: size(names) });
    expect(facts.frozen + facts.trained).toBe(facts.parameters);
    expect(facts.tensors).toEqual({ trained: decoder.length, frozen: names.length - decoder.length });
    const said = freezeMetadata(run, config.unet);
    expect(said.get('freeze')).toBe('enc.*,map_*');
    expect(Number(said.get('trained_parameters'))).toBeCloseTo(size(decoder) / size(names), 4);
  });
  it('says where the mapping network alone leads back through a frozen encoder', () => {
    const through = (freeze: Parameters<typeof frozenBy>[0]) =>
      freezeFacts({ method: 'gdd', freeze }, config.unet).throughFrozenEncoder;
    expect(through(['enc.*'])).toBe(true);
    expect(through(['enc.*', 'map_layer0.*'])).toBe(true);
    expect(through(['enc.*', 'map_*'])).toBe(false);
    expect(through(['map_*'])).toBe(false);
    expect(through(['enc.16x16_*'])).toBe(false);
    for (const level of [0, 1, 2, 3] as const) expect(through(level)).toBe(false);
  });
  it('is never nothing', () => {
    expect(() => trainedBy({ method: 'gdd', freeze: ['*'] }, config.unet)).toThrow(/nothing would train/);
  });
  it('comes back from a saved run, of earlier versions too', () => {
    const run = { ...preset('small'), freeze: ['enc.*'] };
    expect(v.parse(SAVED_CONFIG, JSON.parse(JSON.stringify(run))).freeze).toEqual(['enc.*']);
    const { freeze: _, ...before } = run;
    expect(savedConfig(before).freeze).toBeNull();
    expect(v.safeParse(SAVED_CONFIG, { ...run, freeze: 7 }).success).toBe(false);
    expect(v.safeParse(SAVED_CONFIG, { ...run, freeze: [] }).success).toBe(false);
  });
  it('is all that a difference to the teacher stores', () => {
    const trains = trainedBy({ method: 'gdd', freeze: ['enc.*', 'map_*'] }, config.unet);
    const student = {
      names: () => weights.names(),
      shape: (name: string) => weights.shape(name),
      read: (name: string) => weights.read(name).map((value) => (trains(name) ? value + 0.1 : value)),
    };
    const stored = exportDelta(config, student, weights, 'f16');
    expect([...stored.keys()].sort()).toEqual(names.filter(trains).sort());
  });
});

interface Taken {
  kernels: number;
  peakBytes: number;
  /** Operations remembered for the way back, before and after the encoder. */
  before: number;
  encoded: number;
  total: number;
  gradients: Map<string, Float32Array>;
}

/** One gradient of a network's images, with `freeze`; `bounded`: it reaches no further than what trains. */
async function gradient(name: string, freeze: readonly string[] | 0, bounded = true): Promise<Taken> {
  const model = open(name);
  const { unet } = model.config;
  const trains = trainedBy({ method: 'gdd', freeze }, unet);
  const all = parameterSpecs(unet).flatMap((s) => (s.buffer || s.optional ? [] : [s.name]));
  const parameters = new TrainableParameters(model.weights, all, trains);
  const denoiser = new Denoiser(model.config, {
    parameters,
    freqs: fourierFrequencies(model.config, model.weights),
    ...(bounded && { trains }),
  });
  const variables = parameters.variables();
  const lastEncoder = unetBlocks(unet).findLast((b) => b.name.startsWith('enc.'))!.name;
  const remembered = () => tf.engine().state.activeTape.length;
  const x = tf.tensor4d(
    Float32Array.from({ length: 2 * 16 * 16 * unet.inChannels }, (_, i) => Math.sin(i)),
    [2, 16, 16, unet.inChannels],
  );
  let [before, encoded, total] = [-1, -1, -1];
  const gradients = new Map<string, Float32Array>();
  const profile = await tf.profile(() => {
    const { grads, value } = tf.variableGrads(() => {
      const images = denoiser.forward(x, [2.5], null, (at) => {
        if (before < 0) before = remembered();
        if (at === lastEncoder) encoded = remembered();
      });
      const loss = tf.mean(tf.square(images)) as tf.Scalar;
      total = remembered();
      return loss;
    }, [...variables.values()]);
    for (const [key, variable] of variables)
      gradients.set(key, grads[variable.name]!.dataSync() as Float32Array);
    value.dispose();
    tf.dispose(grads);
    return [];
  });
  x.dispose();
  denoiser.dispose();
  return { kernels: profile.kernels.length, peakBytes: profile.peakBytes, before, encoded, total, gradients };
}

describe.each(['mini-ncsnpp-16-cond', 'mini-adm-16-cond'])('the gradient of %s', (name) => {
  const decoderOnly = ['enc.*', 'map_*'];

  it('does not reach into a frozen encoder, and is what it was', async () => {
    const whole = await gradient(name, 0);
    const unbounded = await gradient(name, decoderOnly, false);
    const part = await gradient(name, decoderOnly);
    expect(whole.encoded).toBeGreaterThan(whole.before + 50);
    expect(part.encoded).toBe(part.before); // nothing of the encoder is remembered
    // What is spared is the way back: at least one kernel for every operation of the encoder.
    expect(whole.kernels - part.kernels).toBeGreaterThan(whole.encoded - whole.before);
    expect(part.peakBytes).toBeLessThan(0.95 * unbounded.peakBytes);
    expect(part.gradients.size).toBeGreaterThan(20);
    for (const [key, values] of part.gradients) {
      expect(values, key).toEqual(unbounded.gradients.get(key));
      expect(values, key).toEqual(whole.gradients.get(key));
    }
  });

  it('reaches as deep as the lowest trained layer: the mapping network is behind every block', async () => {
    const part = await gradient(name, ['enc.*']);
    expect(part.encoded).toBeGreaterThan(part.before);
    const whole = await gradient(name, 0);
    for (const [key, values] of part.gradients) expect(values, key).toEqual(whole.gradients.get(key));
  });
});
