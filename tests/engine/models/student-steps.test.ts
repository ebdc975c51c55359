import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { preset } from '../../../src/distil/config';
import { convertStream } from '../../../src/engine/models/convert-stream';
import { configMetadata } from '../../../src/engine/models/export';
import type { OpenModelOptions } from '../../../src/engine/models/model';
import { openModel } from '../../../src/engine/models/open-model';
import { middleSigma, samplingMetadata } from '../../../src/engine/models/student-steps';
import { deltaPieces, studentMetadata, studentModel, wholePieces } from '../../../src/engine/runs/student';
import { readSafetensors } from '../../../src/formats/safetensors';
import { bufferSource } from '../../../src/formats/source';
import { defaultSampling } from '../../../src/nn/samplers';
import { FIXTURES } from '../../support/fixtures';

const mini = openModel(bufferSource(readFileSync(join(FIXTURES, 'mini/mini-adm-16-cond.pkl')), 'mini.pkl'));
const file = (pieces: Iterable<Uint8Array>, name = 's.safetensors') =>
  bufferSource(Buffer.concat([...pieces].map((piece) => piece.slice())), name);
const TWO_STEPS = { ...preset('small'), nfe: 2, sigmaMid: 0.6 } as const;
const ABOUT = { teacherName: 'mini', dataName: 'shapes' };

describe('how many steps a file says', () => {
  const read = (said: Record<string, string>, asked?: number) => {
    const notes: string[] = [];
    return { sigmaMid: middleSigma(asked, new Map(Object.entries(said)), notes), notes };
  };

  test('two where it says nfe 2, with the sigma of the second', () => {
    expect(read({ nfe: '2', sigma_mid: '0.6' })).toEqual({ sigmaMid: 0.6, notes: [] });
    expect(read({ nfe: '1' })).toEqual({ sigmaMid: null, notes: [] });
    expect(read({})).toEqual({ sigmaMid: null, notes: [] });
    expect(read({ nfe: '35', sigma_mid: '0.6' }).sigmaMid).toBeNull(); // a teacher's
    expect(read({ nfe: '1', sigma_mid: '0.6' }, 1).sigmaMid).toBe(1); // asked for
  });

  test.each([undefined, '', '-1', 'half'])(
    'a second sigma of %j becomes the published one, which is told',
    (text) => {
      const { sigmaMid, notes } = read({ nfe: '2', ...(text !== undefined && { sigma_mid: text }) });
      expect(sigmaMid).toBe(0.8);
      expect(notes.join()).toContain('0.8 taken');
    },
  );

  test('what is written is read', () => {
    for (const sampling of [
      { sigma: 2.5, sigmaMid: null },
      { sigma: 80, sigmaMid: 0.8 },
    ]) {
      const written = new Map(samplingMetadata(sampling));
      expect(written.get('nfe')).toBe(sampling.sigmaMid === null ? '1' : '2');
      expect([Number(written.get('sigma')), middleSigma(undefined, written, [])]).toEqual([
        sampling.sigma,
        sampling.sigmaMid,
      ]);
    }
  });
});

describe('a two-step student keeps its steps', () => {
  const own = { sigma: 2.5, sigmaMid: 0.6 };

  test('as a model of its run, as a whole file and as a difference', () => {
    expect(studentModel(mini, mini.weights, TWO_STEPS, 64)).toMatchObject(own);
    const metadata = studentMetadata(TWO_STEPS, 64, ABOUT, mini.config.unet);
    const whole = openModel(file(wholePieces(mini, mini.weights, metadata, 'f16')));
    expect(whole).toMatchObject(own);
    expect(defaultSampling(16, whole)).toMatchObject({ sampler: 'two-step', sigmaMax: 2.5, sigmaMid: 0.6 });
    const delta = file(deltaPieces(mini, mini.weights, metadata, 'mini'));
    expect(openModel(delta, { openBase: () => mini })).toMatchObject(own);
    // The base of a difference may be a two-step student: this one is what its own file says.
    const once = file(
      deltaPieces(mini, mini.weights, studentMetadata(preset('small'), 64, ABOUT, mini.config.unet), 'mini'),
    );
    expect(openModel(once, { openBase: () => ({ ...mini, sigmaMid: 1 }) }).sigmaMid).toBeNull();
  });

  test('through a conversion, which may also give them', async () => {
    const convert = async (source: ReturnType<typeof file>, options: OpenModelOptions = {}) => {
      const pieces: Uint8Array[] = [];
      await convertStream(
        openModel(source, options),
        { write: (bytes) => void pieces.push(bytes.slice()) },
        { from: source.name },
      );
      return file(pieces);
    };
    const first = file(
      wholePieces(mini, mini.weights, studentMetadata(TWO_STEPS, 64, ABOUT, mini.config.unet), 'f16'),
    );
    const again = await convert(first);
    expect(openModel(again)).toMatchObject(own);
    expect(readSafetensors(again).metadata.get('nfe')).toBe('2');
    // A public checkpoint says nothing of its steps: whoever converts it does.
    const bare = file(wholePieces(mini, mini.weights, configMetadata(mini.config), 'f16'));
    expect(openModel(await convert(bare)).sigmaMid).toBeNull();
    expect(readSafetensors(await convert(bare)).metadata.has('nfe')).toBe(false);
    expect(openModel(await convert(bare, { sigmaMid: 1 }))).toMatchObject({ sigma: 80, sigmaMid: 1 });
  });
});
