import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fileSource } from '../../../cli/files';
import type { Dataset } from '../../../src/data';
import { preset } from '../../../src/distil/config';
import type { RunMeta } from '../../../src/distil/state';
import { DistilRun } from '../../../src/engine/distil/run';
import { configMetadata, exportWhole } from '../../../src/engine/models/export';
import { openModel } from '../../../src/engine/models/open-model';
import { checkMarks, sourceMarks } from '../../../src/engine/runs/source-marks';
import { decodeState, encodeState } from '../../../src/engine/runs/state';
import { writeSafetensors } from '../../../src/formats/safetensors';
import { bufferSource } from '../../../src/formats/source';
import type { WeightSource } from '../../../src/nn/weights';
import { FIXTURES } from '../../support/fixtures';
import { imageSet } from '../../support/image-set';

const META: RunMeta = {
  version: 1,
  config: preset('small'),
  iteration: 3,
  images: 96,
  updates: { generator: 3, discriminator: 3 },
  dataPosition: 96,
  best: { images: 64, frechet: { value: 3, error: null, spread: 0.9 } as never },
  curve: [{ iteration: 1, images: 32, lossG: Number.NaN } as never],
  backend: 'wasm (1 thread)',
};

const source = (pieces: Iterable<Uint8Array>) =>
  bufferSource(new Uint8Array(Buffer.concat([...pieces])), 'x.state');
const withMeta = (text: string) =>
  source(writeSafetensors({ tensors: new Map(), metadata: new Map([['innate_run', text]]) }));
const changed = (change: object) => withMeta(JSON.stringify({ ...META, ...change }));

describe('the state of a run', () => {
  it('comes back as it was written; numbers that are none come back as null', () => {
    const tensors = new Map([['ema.a', { shape: [2], values: Float32Array.of(1, 2) }]]);
    const { meta, tensors: read } = decodeState(source(encodeState({ tensors, meta: META })));
    expect(meta).toEqual({ ...META, curve: [{ iteration: 1, images: 32, lossG: null }] });
    expect(read.read('ema.a')).toEqual(Float32Array.of(1, 2));
  });

  it('of another version is refused as that', () => {
    expect(() => decodeState(changed({ version: 2 }))).toThrow(
      expect.objectContaining({ code: 'unsupported', message: expect.stringContaining('another version') }),
    );
  });

  it.each([
    ['no JSON', withMeta('{"version": 1'), /damaged/],
    ['not an object', withMeta('7'), /damaged/],
    ['no version', changed({ version: undefined }), /version/],
    [
      'a method that does not exist',
      changed({ config: { ...META.config, method: 'magic' } }),
      /config\.method/,
    ],
    ['a batch that is a text', changed({ config: { ...META.config, batch: '32' } }), /config\.batch/],
    ['images that are negative', changed({ images: -1 }), /images/],
    ['an iteration that is no whole number', changed({ iteration: 1.5 }), /iteration/],
    ['a curve that is none', changed({ curve: {} }), /curve/],
    ['a best student without a distance', changed({ best: { images: 1 } }), /best\.frechet/],
  ])('that is damaged says where: %s', (_name, file, where) => {
    expect(() => decodeState(file)).toThrow(expect.objectContaining({ code: 'bad-file' }));
    try {
      decodeState(file);
    } catch (error) {
      expect((error as { describe(): string }).describe()).toMatch(where);
    }
  });
});

const teacher = openModel(fileSource(join(FIXTURES, 'parity', 'ddpmpp-skip-16-vp.pkl')));

const dataset = (change: Partial<Dataset> = {}, shift = 0): Dataset => ({
  ...imageSet({ size: 20, resolution: 16, channels: 3 }, (i) => new Uint8Array(768).fill(i + shift)),
  ...change,
});

/** The teacher with one bias moved a little. */
function nudged(): WeightSource {
  const { weights } = teacher;
  const bias = [...weights.names()].find((name) => name.endsWith('bias'))!;
  return {
    names: () => weights.names(),
    shape: (name) => weights.shape(name),
    read: (name) => (name === bias ? weights.read(name).map((v) => v + 1e-6) : weights.read(name)),
  };
}

describe('a run goes on only with what it was made of', () => {
  const other = { ...teacher, weights: nudged() };
  const marks = () => sourceMarks({ teacher, data: dataset() });

  it('the same networks and images pass, and states that do not say', async () => {
    expect(() =>
      checkMarks({}, { teacher: '', student: null, data: { images: 0, labelDim: 0, content: '' } }),
    ).not.toThrow();
    const made = await marks();
    const reopened = openModel(fileSource(join(FIXTURES, 'parity', 'ddpmpp-skip-16-vp.pkl')));
    checkMarks({ marks: made }, await sourceMarks({ teacher: reopened, data: dataset({ name: 'moved' }) }));
  });

  it('a copy of the network passes, which holds its parameters and nothing beside them', async () => {
    const { config, weights } = teacher;
    const copy = openModel(
      source(
        writeSafetensors({ tensors: exportWhole(config, weights, 'f32'), metadata: configMetadata(config) }),
      ),
    );
    expect([...copy.weights.names()].sort()).not.toEqual([...weights.names()].sort()); // the file holds more
    checkMarks({ marks: await marks() }, await sourceMarks({ teacher: copy, data: dataset() }));
  });

  it.each([
    ['another teacher', () => sourceMarks({ teacher: other, data: dataset() }), /another teacher/],
    ['a student', () => sourceMarks({ teacher, student: other, data: dataset() }), /no student/],
    [
      'more images',
      () => sourceMarks({ teacher, data: dataset({ size: 21 }) }),
      /other images.*20 images.*21/,
    ],
    ['other pixels', () => sourceMarks({ teacher, data: dataset({}, 1) }), /other images/],
    ['classes', () => sourceMarks({ teacher, data: dataset({ labelDim: 10 }) }), /other images.*10 classes/],
  ])('%s: refused', async (_name, found, message) => {
    const saved = { marks: await marks(), command: { teacher: '/there/net.pkl' } };
    const now = await found();
    let said = '';
    try {
      checkMarks(saved, now);
    } catch (error) {
      said = (error as { describe(): string }).describe();
    }
    expect(said).toMatch(message);
  });

  it('before anything is computed', async () => {
    const saved = {
      tensors: { shape: () => undefined, read: () => new Float32Array() },
      meta: { ...META, marks: await marks() },
    };
    const start = DistilRun.start({
      teacher: other,
      data: dataset(),
      config: META.config,
      features: () => Promise.reject(new Error('asked for features')),
      backend: 'wasm',
      measureImages: 0,
      measureEvery: 0,
      saved,
    });
    await expect(start).rejects.toThrow('another teacher');
  });
});
