import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type ConvertOptions, convertStream, type Output } from '../../../src/engine/models/convert-stream';
import { openModel } from '../../../src/engine/models/open-model';
import { readSafetensors, writeSafetensors } from '../../../src/formats/safetensors';
import { bufferSource, type Source } from '../../../src/formats/source';
import { readFloat32 } from '../../../src/formats/tensor';
import type { InnateError } from '../../../src/lib/errors';
import { configFromKwargs } from '../../../src/nn/config';
import { parameterSpecs } from '../../../src/nn/parameters';
import { FIXTURES } from '../../support/fixtures';
import { syntheticPickle } from '../../support/synthetic-pickle';

const mini = bufferSource(readFileSync(join(FIXTURES, 'mini/mini-adm-16-cond.pkl')), 'mini.pkl');

/** Its largest convolutions have 1.2 million weights, more than are read at a time. */
const WIDE = configFromKwargs(
  new Map<string, unknown>([
    ['img_resolution', 8],
    ['img_channels', 3],
    ['model_type', 'SongUNet'],
    ['model_channels', 256],
    ['channel_mult', [1]],
    ['num_blocks', 1],
    ['attn_resolutions', []],
  ]),
  'EDMPrecond',
);
const wide = bufferSource(Buffer.concat([...syntheticPickle(WIDE)]), 'wide.pkl');

async function converted(source: Source, options: Partial<ConvertOptions> = {}) {
  const pieces: Uint8Array[] = [];
  const sink = { write: (bytes: Uint8Array) => void pieces.push(bytes.slice()) };
  const result = await convertStream(openModel(source), sink, { from: source.name, ...options });
  return { ...result, pieces, file: bufferSource(Buffer.concat(pieces), 'out.safetensors') };
}

const failure = (source: Source, options: Partial<ConvertOptions> = {}): Promise<InnateError> =>
  converted(source, options).then(
    () => {
      throw new Error('nothing was refused');
    },
    (error) => error,
  );

test('matrices become float16, the rest stays float32; the file says what it is and opens as the same network', async () => {
  const { file, bytes, tensors } = await converted(mini);
  const before = openModel(mini);
  const after = openModel(file);
  expect(after.config).toEqual(before.config);
  expect([file.size, readSafetensors(file).tensors.size]).toEqual([bytes, tensors]);
  for (const { name, shape } of parameterSpecs(before.config.unet)) {
    const ref = readSafetensors(file).tensors.get(name)!;
    expect([name, ref.dtype]).toEqual([name, shape.length >= 2 ? 'f16' : 'f32']);
    const [a, b] = [before.weights.read(name), readFloat32(ref)];
    const bound = (x: number) => (shape.length >= 2 ? Math.max(Math.abs(x) * 2 ** -11, 2 ** -25) : 0);
    expect(a.every((x, i) => Math.abs(x - b[i]!) <= bound(x))).toBe(true);
  }
  expect([...readSafetensors(file).metadata.keys()]).toEqual(
    expect.arrayContaining([
      'precond',
      'img_resolution',
      'img_channels',
      'label_dim',
      'model_kwargs',
      'sigma',
    ]),
  );
  expect(readSafetensors(file).metadata.get('converted_from')).toBe('mini.pkl');
});

test('a tensor larger than a piece is read and written in pieces, to the same values', async () => {
  let largest = 0;
  const watched: Source = {
    ...wide,
    read(offset, length) {
      largest = Math.max(largest, length);
      return wide.read(offset, length);
    },
  };
  const { file, pieces } = await converted(watched);
  const shapes = parameterSpecs(WIDE.unet).map(({ shape }) => shape.reduce((a, b) => a * b, 1));
  expect(Math.max(...shapes)).toBeGreaterThan(2 ** 20);
  expect(largest).toBe(4 * 2 ** 20);
  expect(Math.max(...pieces.map((piece) => piece.length))).toBe(2 * 2 ** 20);
  // Its own float16 file, read whole, gives itself again.
  const again = await converted(file, { from: 'wide.pkl' });
  expect(Buffer.compare(Buffer.concat(again.pieces), Buffer.concat(pieces))).toBe(0);
  const name = 'model.dec.8x8_block0.conv0.weight';
  const [a, b] = [openModel(wide).weights.read(name), openModel(file).weights.read(name)];
  expect(a.length).toBeGreaterThan(2 ** 20);
  expect(a.every((x, i) => Math.abs(x - b[i]!) <= Math.abs(x) * 2 ** -11 + 2 ** -25)).toBe(true);
});

test('progress ends at the size of the file, and a sink that waits is waited for', async () => {
  const seen: [number, number][] = [];
  let writing = false;
  const slow: Output = {
    async write() {
      expect(writing).toBe(false);
      writing = true;
      await new Promise((resolve) => setTimeout(resolve));
      writing = false;
    },
  };
  const { bytes } = await convertStream(openModel(mini), slow, {
    from: 'mini.pkl',
    onProgress: (...p) => seen.push(p),
  });
  expect(seen.at(-1)).toEqual([bytes, bytes]);
  expect(seen.every(([done], i) => i === 0 || done > seen[i - 1]![0])).toBe(true);
});

test('cancelled between two pieces, also where the sink never waits and the press comes as a message', async () => {
  const at = new AbortController();
  const early = await failure(mini, { signal: at.signal, onProgress: () => at.abort() });
  expect(early.code).toBe('cancelled');

  const later = new AbortController();
  setTimeout(() => later.abort());
  // Longer than a breath: the timer is heard although nothing else gives way to it.
  const busy = () => {
    const until = performance.now() + 60;
    while (performance.now() < until);
  };
  expect((await failure(mini, { signal: later.signal, onProgress: busy })).code).toBe('cancelled');
});

test('weights that are not finite, or beyond float16, are refused by name; float32 takes the latter', async () => {
  const { weights } = openModel(mini);
  const file = (value: number): Source => {
    const tensors = new Map(
      [...weights.names()].map((name) => {
        const values = weights.read(name);
        if (name === 'model.enc.16x16_conv.weight') values[7] = value;
        const bytes = () => new Uint8Array(values.buffer);
        return [name, { dtype: 'f32' as const, shape: weights.shape(name)!, bytes }];
      }),
    );
    return bufferSource(Buffer.concat([...writeSafetensors({ tensors })]), 'x.safetensors');
  };
  const infinite = await failure(file(Number.POSITIVE_INFINITY));
  expect([infinite.code, infinite.detail.where]).toEqual(['bad-file', 'model.enc.16x16_conv.weight']);
  expect(infinite.detail.found).toMatch(/^1 of \d+ .*index 7$/);
  const large = await failure(file(70_000));
  expect([large.code, large.detail.found]).toEqual(['unsupported', '70000']);
  expect((await converted(file(70_000), { dtype: 'f32' })).bytes).toBeGreaterThan(0);
});
