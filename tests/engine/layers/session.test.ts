import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { openBackend } from '../../../cli/backend';
import { fileSource } from '../../../cli/files';
import { startNodeThread } from '../../../cli/threads';
import type { Dataset } from '../../../src/data';
import { type AnyDenoiser, openOnWasm } from '../../../src/engine/inference/open-denoiser';
import { seedBatch } from '../../../src/engine/inference/sampling';
import { LayersSession } from '../../../src/engine/layers/session';
import { openModel } from '../../../src/engine/models/open-model';
import type { PageData } from '../../../src/engine/models/page-data';
import { ActivationTable, QUANTITIES } from '../../../src/lib/activations';
import { InnateError } from '../../../src/lib/errors';
import { Denoiser, toNCHW } from '../../../src/nn/denoiser';
import { inspectionRows } from '../../../src/nn/inspection/rows';
import { observe } from '../../../src/nn/tf/observe';
import type { InspectEvent, InspectRequest, LookRequest } from '../../../src/protocol/layers';
import { FIXTURES, maxError } from '../../support/fixtures';

const model = openModel(fileSource(join(FIXTURES, 'mini', 'mini-ncsnpp-16-cond.pkl')));
const { unet } = model.config;
const ref = { kind: 'opened', key: 'mini' } as const;
const input = { kind: 'noise', data: null, classIndex: null } as const;
const quiet = { signal: new AbortController().signal, onProgress: () => {}, stopped: () => false };

/**
 * A session as the page has it, which tries again what a back-end failed at; `budget` of packed weights, which small
 * networks exceed when it is tiny; `broken`: networks that fail, the first ones; `shared`: one of somebody else's.
 */
function session({
  budget,
  broken = 0,
  shared = () => null,
  data = null as unknown as PageData, // nothing is noised
}: {
  data?: PageData;
  budget?: number;
  broken?: number;
  shared?: () => AnyDenoiser | null;
} = {}) {
  const device = {};
  let opened = 0;
  const exclusively = async <T>(task: (device: object) => Promise<T>): Promise<T> => {
    try {
      return await task(device);
    } catch (error) {
      if ((error as InnateError).code !== 'backend') throw error;
      return task(device);
    }
  };
  const layers = new LayersSession({
    model: async () => model,
    network: async () => {
      opened++;
      const options = { threads: 2, startThread: startNodeThread, ...(budget && { budget }) };
      const { denoiser } = await openOnWasm(model.config, model.weights, options);
      if (opened <= broken) denoiser.dispose(); // its threads are gone
      return denoiser;
    },
    shared,
    data,
    exclusively,
  });
  return { layers, opened: () => opened };
}

const look = (changes: Partial<LookRequest>): LookRequest => ({
  slot: 'maps',
  model: ref,
  sigma: 2.5,
  input,
  seed: 3,
  want: 'maps',
  ...changes,
});

describe('the inside of a network', () => {
  beforeAll(() => openBackend('wasm'));

  it.each([
    ['on its plan', undefined],
    ['op by op, where it cannot be packed', 1000],
  ])('%s: feature maps and ablations are those of TensorFlow.js', async (_, budget) => {
    const { layers, opened } = session(budget === undefined ? {} : { budget });
    const { latents, classes } = seedBatch(model.config, [3], null);
    const x = latents.map((z) => 2.5 * z);
    const eager = Denoiser.open(model.config, model.weights);
    const block = 'dec.8x8_block0';
    const silenced: Record<string, number> = { 'enc.16x16_block0': 0, [block]: 0.5 };
    for (const gains of [{}, silenced]) {
      eager.setGains(new Map(Object.entries(gains)));
      for (const row of ['enc.16x16_conv', block, `${block}.norm1`, `${block}.affine`]) {
        const result = await layers.look(look({ row, gains }), quiet);
        if (result.kind !== 'maps') throw new Error(result.kind);
        const seen = await observe(eager, x, 2.5, classes, {
          until: row,
          see: (name, value, record) => name === row && record(row, value),
        });
        const { channels, size, values } = result;
        const expected = toNCHW(seen.values.get(row)!, 1, channels, size * size);
        expect(maxError(values, expected)).toBeLessThan(1e-4);
      }
      const picture = await layers.look(look({ want: 'denoised', gains }), quiet);
      if (picture.kind !== 'picture') throw new Error(picture.kind);
      const images = await eager.denoise(x, 2.5, classes);
      const byte = (v: number) => Math.min(255, Math.max(0, v * 127.5 + 128));
      expect(Math.abs(picture.pixels[0]! - byte(images[0]!))).toBeLessThan(1.5);
    }
    await expect(layers.look(look({ row: 'enc.nothing' }), quiet)).rejects.toThrow(/no such/);
    await expect(layers.look(look({ row: block, gains: { nothing: 0 } }), quiet)).rejects.toThrow(/no such/);
    expect(opened()).toBe(1);
    eager.dispose();
  });

  it('measures op by op what the plan does not, and keeps nothing of it', async () => {
    const { layers, opened } = session();
    const request: InspectRequest = {
      model: ref,
      student: ref,
      sigmas: [80, 2.5, 0.05],
      input,
      seeds: [0, 1, 2],
      quantities: [...QUANTITIES],
      first: ['rms'],
      parts: false,
      spectra: 1,
      examples: 4,
    };
    const before = tf.memory().numTensors;
    const events: InspectEvent[] = [];
    await layers.inspect(request, { ...quiet, emit: (event) => events.push(event) });
    expect(tf.memory().numTensors).toBe(before);
    expect(opened()).toBe(1);
    const samples = (kind: 'coarse' | 'samples') =>
      events.flatMap((event) => (event.kind === kind ? [event.samples] : []));
    const rows = inspectionRows(unet, false);
    const whole = new ActivationTable(rows, request.sigmas);
    for (const step of samples('samples')) whole.add(step);
    for (const coarse of samples('coarse')) {
      expect([coarse.count, Object.keys(coarse.values)]).toEqual([2, ['rms']]);
      for (const row of rows.keys())
        for (let n = 0; n < 2; n++)
          expect(coarse.values.rms![2 * row + n]! / whole.samples('rms', row, coarse.level)[n]!).toBeCloseTo(
            1,
            4,
          );
    }
    expect(whole.samples('rms', 0, 2)).toHaveLength(3);
    expect(whole.spectrumSamples(0, 2)).toBe(1);
    expect(samples('coarse')).toHaveLength(3);
    expect(events.at(-2)?.kind).toBe('likeness');
  });

  it('opens a network anew whose threads have failed, and measures all of it', async () => {
    const { layers, opened } = session({ broken: 1 });
    const result = await layers.look(look({ row: 'enc.16x16_conv' }), quiet);
    expect([result.kind, opened()]).toEqual(['maps', 2]);

    const other = session({ broken: 1 });
    const levels: number[] = [];
    const outcome = await other.layers.inspect(
      {
        ...{ model: ref, student: null, sigmas: [80, 2.5, 0.05], input, seeds: [0] },
        ...{ quantities: ['rms'], first: ['rms'], parts: false, spectra: 0, examples: 0 },
      },
      { ...quiet, emit: (event) => event.kind === 'samples' && levels.push(event.samples.level) },
    );
    expect([outcome, other.opened(), levels]).toEqual(['complete', 2, [0, 1, 2]]);
  });

  it('measures all of it though the network that it shared is gone midway', async () => {
    const { denoiser } = await openOnWasm(model.config, model.weights, { threads: 1, startThread: null });
    let turns = 0;
    const shared = () => {
      if (++turns < 3) return denoiser;
      denoiser.dispose();
      return null;
    };
    const { layers, opened } = session({ shared });
    const levels: number[] = [];
    const outcome = await layers.inspect(
      {
        ...{ model: ref, student: null, sigmas: [80, 2.5, 0.05], input, seeds: [0] },
        ...{ quantities: ['rms'], first: ['rms'], parts: false, spectra: 0, examples: 0 },
      },
      { ...quiet, emit: (event) => event.kind === 'samples' && levels.push(event.samples.level) },
    );
    expect([outcome, opened(), levels]).toEqual(['complete', 1, [0, 1, 2]]);
  });

  const small: Omit<InspectRequest, 'seeds'> = {
    ...{ model: ref, student: null, sigmas: [80, 2.5, 0.05], input, quantities: ['rms'], first: ['rms'] },
    ...{ parts: false, spectra: 0, examples: 0 },
  };

  it('a look goes before the rest of a measurement, whenever it comes', async () => {
    const { layers } = session();
    const order: string[] = [];
    let seen: Promise<unknown> = Promise.resolve();
    const emit = (event: InspectEvent) => {
      if (event.kind !== 'samples') return;
      order.push(`level ${event.samples.level}`);
      if (event.samples.level !== 0) return;
      seen = layers
        .look(look({ slot: 'sampled', want: 'sampled', steps: 4 }), quiet)
        .then(() => order.push('sampled'));
    };
    await layers.inspect({ ...small, seeds: [0] }, { ...quiet, emit });
    await seen;
    expect(order).toEqual(['level 0', 'sampled', 'level 1', 'level 2']);
  });

  it('a look that fails in the midst of a measurement fails alone', async () => {
    const { layers } = session();
    const failed: string[] = [];
    let looked: Promise<unknown> = Promise.resolve();
    const emit = (event: InspectEvent) => {
      if (event.kind !== 'samples' || event.samples.level !== 0) return;
      looked = layers
        .look(look({ row: 'enc.nothing' }), quiet)
        .catch((error: Error) => failed.push(error.message));
    };
    expect(await layers.inspect({ ...small, seeds: [0] }, { ...quiet, emit })).toBe('complete');
    await looked;
    expect(failed).toEqual([expect.stringMatching(/no such/)]);
    expect((await layers.look(look({ row: 'enc.16x16_conv' }), quiet)).kind).toBe('maps');
  });

  it('the sampler’s way is followed in turns: others come in between, and it stops when nobody wants it', async () => {
    let now = 0; // each look at the clock takes longer than a turn may
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => (now += 100));
    try {
      const { layers } = session();
      const order: string[] = [];
      const stopped = () => order.includes('denoised'); // nobody wants the rest then
      const sampled = layers
        .look(look({ slot: 'sampled', want: 'sampled', steps: 18 }), { ...quiet, stopped })
        .then((result) => order.push(`sampled ${result.kind}`));
      const quick = layers
        .look(look({ slot: 'denoised', want: 'denoised' }), quiet)
        .then(() => order.push('denoised'));
      await Promise.all([sampled, quick]);
      expect(order).toEqual(['denoised', 'sampled superseded']);
    } finally {
      clock.mockRestore();
    }
  });

  it('opens the images of a seed once, and again after a failure', async () => {
    let opens = 0;
    const set: Partial<Dataset> = {
      name: 'set',
      size: 7,
      labelDim: 0,
      read: async () => ({ pixels: new Uint8Array(3 * 16 * 16).fill(9), label: null }) as never,
    };
    const open = async () => {
      if (++opens === 1) throw new InnateError('io', 'the network is down');
      return set as Dataset;
    };
    const { layers } = session({ data: { open } as unknown as PageData });
    const noised = { kind: 'noised', data: { kind: 'pack', id: 'set' }, classIndex: null } as const;
    const wanted = { want: 'denoised', input: noised } as const;
    await expect(layers.look(look(wanted), quiet)).rejects.toThrow('down');
    for (const sigma of [80, 2, 1]) await layers.look(look({ ...wanted, sigma }), quiet);
    expect(opens).toBe(2);
  });

  it('gives the back-end back when it is stopped midway', async () => {
    const { layers } = session();
    const before = tf.memory().numTensors;
    let turns = 0;
    const outcome = await layers.inspect(
      {
        model: ref,
        student: null,
        sigmas: [80, 2.5],
        input,
        seeds: [0],
        quantities: [...QUANTITIES],
        first: [...QUANTITIES],
        parts: true,
        spectra: 0,
        examples: 0,
      },
      { ...quiet, emit: () => {}, stopped: () => ++turns > 3 },
    );
    expect(outcome).toBe('superseded');
    expect(tf.memory().numTensors).toBe(before);
  });
});
