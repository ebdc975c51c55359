import fc from 'fast-check';
import { unzipSync } from 'fflate';
import { expect, test } from 'vitest';
import { KNOWN_NAMES } from '../../src/formats/known-names';
import { npyHeader } from '../../src/formats/npy';
import { openCheckpoint } from '../../src/formats/open-checkpoint';
import { Op } from '../../src/formats/pickle/opcodes';
import { ByteReader } from '../../src/formats/pickle/reader';
import { unpickle } from '../../src/formats/pickle/unpickle';
import { encodePng, readPngText } from '../../src/formats/png';
import { bufferSource } from '../../src/formats/source';
import { openZip, readEntry } from '../../src/formats/zip';
import { InnateError } from '../../src/lib/errors';
import { bytesOf, fixtureBytes, openAndRead, outcome } from './helpers';

/**
 * Damaged and hostile files end within a second in a value or in an InnateError. INNATE_FUZZ multiplies the
 * number of cases.
 */
const RUNS = 400 * Number(process.env.INNATE_FUZZ ?? 1);

const FILES = [
  'state.zip.pt',
  'wrapped.zip.pt',
  'ema-and-net.legacy.pt',
  'positional.protocol0.pkl',
  'positional.protocol1.pkl',
  'ema-first.protocol2.pkl',
  'unet-alone.pkl',
  'numpy-arrays.protocol5.pkl',
  'foreign.safetensors',
  'training-state.zip.pt',
].map((name) => [name, fixtureBytes(`formats/${name}`)] as const);
const strangers = unzipSync(fixtureBytes('checkpoints.zip'));
for (const name of ['things.protocol5.pt', 'torch-ema.pt', 'parallel.pt'])
  FILES.push([name, strangers[name]!]);

/** A few bytes replaced, at places that lean towards the structure at either end. */
const edits = fc.array(
  fc.record({
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    skew: fc.integer({ min: 0, max: 2 }),
    to: fc.nat(255),
  }),
  { minLength: 1, maxLength: 8 },
);

type Edit = { at: number; skew: number; to: number };
function damage(bytes: Uint8Array, list: readonly Edit[]): Uint8Array {
  const out = bytes.slice();
  for (const { at, skew, to } of list) {
    const place = skew === 0 ? at : skew === 1 ? at ** 4 : 1 - at ** 4;
    out[Math.min(out.length - 1, Math.floor(place * out.length))] = to;
  }
  return out;
}

test.each(FILES)('%s cut anywhere', (_, bytes) => {
  const step = Math.max(1, Math.ceil(bytes.length / RUNS));
  for (let n = 0; n < bytes.length; n += step) {
    const cut = openAndRead(bytes.subarray(0, n));
    expect(cut).toBeInstanceOf(InnateError);
  }
});

test.each(FILES)('%s with bytes replaced', (_, bytes) => {
  fc.assert(
    fc.property(edits, (list) => {
      openAndRead(damage(bytes, list));
    }),
    { numRuns: RUNS },
  );
});

test.each(FILES)('%s with a piece repeated, dropped or moved', (_, bytes) => {
  const place = fc.nat(bytes.length);
  fc.assert(
    fc.property(place, place, place, (a, b, c) => {
      const [from, to] = [Math.min(a, b), Math.max(a, b)];
      const piece = bytes.subarray(from, Math.min(to, from + 2000));
      openAndRead(
        bytesOf(
          bytes.subarray(0, c),
          piece,
          bytes.subarray(Math.min(bytes.length, c + (b % 3) * piece.length)),
        ),
      );
    }),
    { numRuns: RUNS / 4 },
  );
});

test('programs of random opcodes', () => {
  const opcodes = Object.values(Op);
  const names = [
    'ccollections\nOrderedDict\n',
    'ctorch._utils\n_rebuild_tensor_v2\n',
    'ctorch\nFloatStorage\n',
    'ctorch\nSize\n',
    'ctorch.storage\n_load_from_bytes\n',
    'ctorch.nn.modules.container\nModuleDict\n',
    'ctorch_utils.persistence\n_reconstruct_persistent_obj\n',
    'cnumpy\ndtype\n',
    'cnumpy\nndarray\n',
    'cnumpy.core.multiarray\nscalar\n',
    'cnumpy.core.multiarray\n_reconstruct\n',
    'cnumpy._core.numeric\n_frombuffer\n',
    'ccopyreg\n_reconstructor\n',
    'c_codecs\nencode\n',
    ...['list', 'tuple', 'dict', 'set', 'int', 'float', 'complex', 'bool', 'bytes', 'slice', 'object'].map(
      (n) => `cbuiltins\n${n}\n`,
    ),
  ];
  const piece = fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(...opcodes).map((op) => [op]) },
    { weight: 2, arbitrary: fc.constantFrom(...names).map((n) => [...bytesOf(n)]) },
    {
      weight: 3,
      arbitrary: fc
        .constantFrom(
          'K\x01',
          'K\x02',
          'J\xff\xff\xff\xff',
          '\x8c\x02f4',
          '\x8c\x01<',
          '\x8c\x06latin1',
          'C\x04\0\0\0\0',
          ')',
          '}',
          ']',
          'N',
          '\x88',
          '\x89',
        )
        .map((n) => [...bytesOf(n)]),
    },
    {
      weight: 2,
      arbitrary: fc
        .constantFrom('\x85', '\x86', '\x87', 'R', '\x81', 'b', '\x94', 'h\x00', 'h\x01', '(', 't')
        .map((n) => [...bytesOf(n)]),
    },
    { weight: 1, arbitrary: fc.array(fc.nat(255), { maxLength: 8 }) },
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
      const bytes = bytesOf([0x80, 4], ...pieces, '.');
      outcome(() =>
        unpickle(new ByteReader(bufferSource(bytes, 'test')), {
          names: KNOWN_NAMES,
          persistentLoad: (id) => id,
        }),
      );
      openAndRead(bytes);
    }),
    { numRuns: RUNS * 5 },
  );
});

test.each(['arrays.npz', 'arrays-deflated.npz'])('%s damaged', (name) => {
  const bytes = fixtureBytes(`formats/${name}`);
  fc.assert(
    fc.property(edits, fc.option(fc.nat(bytes.length)), (list, cut) => {
      const broken = damage(bytes, list).subarray(0, cut ?? bytes.length);
      outcome(() => {
        for (const entry of openZip(bufferSource(broken, 'test')))
          outcome(() => npyHeader(bufferSource(readEntry(entry, 1 << 20), 'test')));
      });
    }),
    { numRuns: RUNS },
  );
});

test('PNG text damaged', () => {
  const png = encodePng({
    width: 3,
    height: 2,
    channels: 3,
    data: new Uint8Array(18),
    text: { Seed: '7', Title: 'é ✓' },
  });
  fc.assert(
    fc.property(edits, fc.option(fc.nat(png.length)), (list, cut) => {
      outcome(() => readPngText(damage(png, list).subarray(0, cut ?? png.length)));
    }),
    { numRuns: RUNS },
  );
});

test('noise after the marks of every kind', () => {
  const marks = [
    '',
    '\x80\x02',
    '\x80\x04',
    'PK\x03\x04',
    'PK\x05\x06',
    '(',
    '}',
    ']',
    '\x20\0\0\0\0\0\0\0{',
    '\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.',
  ];
  fc.assert(
    fc.property(fc.constantFrom(...marks), fc.uint8Array({ maxLength: 300 }), (mark, noise) => {
      outcome(() => openCheckpoint(bufferSource(bytesOf(mark, noise), 'test')));
    }),
    { numRuns: RUNS * 2 },
  );
});
