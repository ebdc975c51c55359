import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { zipSync } from 'fflate';
import { describe, expect, test } from 'vitest';
import { openCheckpoint } from '../../src/formats/open-checkpoint';
import { readSafetensors } from '../../src/formats/safetensors';
import { checkRange, type Source } from '../../src/formats/source';
import { readFloat32 } from '../../src/formats/tensor';
import { bytesOf, failure, fixtureBytes, fixtureSource, open } from './helpers';

interface Expected {
  [file: string]: { [tensor: string]: { shape: number[]; sum: number; first: number[] } };
}
const expected: Expected = JSON.parse(
  readFileSync(fileURLToPath(new URL('../fixtures/formats/expected.json', import.meta.url)), 'utf8'),
);

describe('files as PyTorch and numpy write them', () => {
  test.each(Object.keys(expected))('%s', (name) => {
    const checkpoint = open(fixtureBytes(`formats/${name}`), name);
    const wanted = expected[name]!;
    expect([...checkpoint.tensors.keys()].sort()).toEqual(Object.keys(wanted).sort());
    for (const [key, { shape, sum, first }] of Object.entries(wanted)) {
      const ref = checkpoint.tensors.get(key)!;
      expect(ref.shape, key).toEqual(shape);
      const values = readFloat32(ref);
      expect([...values.subarray(0, 5)], key).toEqual(first);
      expect(
        values.reduce((a, b) => a + b, 0),
        key,
      ).toBe(sum);
    }
  });

  test('ema wins wherever it stands, and the user is told', () => {
    for (const name of ['net-before-ema.pkl', 'ema-first.protocol2.pkl', 'ema-and-net.legacy.pt'])
      expect(open(fixtureBytes(`formats/${name}`)).notes).toEqual([
        'took ema, the averaged weights (the file also holds net)',
      ]);
  });

  test('class and arguments come from the persistent object', () => {
    const { precond, kwargs, format } = open(fixtureBytes('formats/net-before-ema.pkl'));
    expect([format, precond]).toEqual(['edm-pickle', 'EDMPrecond']);
    expect(Object.fromEntries(kwargs!)).toEqual({
      img_resolution: 8,
      img_channels: 8,
      label_dim: 0,
      sigma_data: 0.5,
      sigma_max: Number.POSITIVE_INFINITY,
      model_type: 'SongUNet',
      channel_mult: [1, 2],
      np_array: null,
    });
  });

  test('positional arguments are recovered from attributes and the inner U-Net', () => {
    const { kwargs } = open(fixtureBytes('formats/positional.protocol1.pkl'));
    expect(Object.fromEntries(kwargs!)).toEqual({
      img_resolution: 8,
      img_channels: 8,
      label_dim: 0,
      sigma_data: 0.5,
      sigma_max: Number.POSITIVE_INFINITY,
      model_type: 'SongUNet',
      channel_mult: [1, 2],
    });
  });

  test('a U-Net without preconditioning gets published names and no class', () => {
    const { precond, kwargs } = open(fixtureBytes('formats/unet-alone.pkl'));
    expect(precond).toBeNull();
    expect(kwargs!.get('model_type')).toBe('SongUNet');
    expect(kwargs!.get('img_channels')).toBe(8);
  });

  test('safetensors metadata give class and arguments', () => {
    const { precond, kwargs } = open(fixtureBytes('formats/foreign.safetensors'));
    expect(precond).toBe('GDDPrecond');
    expect(Object.fromEntries(kwargs!)).toEqual({
      model_type: 'SongUNet',
      channel_mult: [1, 2],
      img_resolution: 8,
      img_channels: 3,
      label_dim: 0,
    });
  });

  test('tensors of element types that are not read are no network', () => {
    for (const name of ['complex.zip.pt', 'float8.legacy.pt'])
      expect(failure(() => open(fixtureBytes(`formats/${name}`))).describe()).toMatch(
        /no network of this family/,
      );
  });
});

describe('a golden checkpoint in the official layout', () => {
  test('matches the network of its golden file', () => {
    const { precond, kwargs, tensors, notes } = openCheckpoint(fixtureSource('mini/mini-ncsnpp-16-cond.pkl'));
    expect(precond).toBe('GDDPrecond');
    expect(kwargs!.get('resample_filter')).toEqual([1, 3, 3, 1]);
    expect(notes).toEqual(['took ema, the averaged weights']);
    // Its golden file holds a gradient for every parameter; only the Fourier frequencies and filters have none.
    const golden = readSafetensors(fixtureSource('mini/mini-ncsnpp-16-cond.golden.safetensors'));
    const gradients = [...golden.tensors].filter(([name]) => name.startsWith('grad.'));
    expect(gradients.length).toBeGreaterThan(100);
    for (const [name, { shape }] of gradients) expect(tensors.get(name.slice(5))?.shape, name).toEqual(shape);
    for (const name of tensors.keys())
      if (!golden.tensors.has(`grad.${name}`)) expect(name).toMatch(/resample_filter|freqs$/);
  });

  test('opens without reading the weights', () => {
    const inner = fixtureSource('mini/mini-adm-16-cond.pkl');
    let read = 0;
    const counting: Source = {
      name: inner.name,
      size: inner.size,
      read(offset, length) {
        checkRange(inner, offset, length);
        read += length;
        return inner.read(offset, length);
      },
    };
    openCheckpoint(counting);
    expect(read).toBeLessThan(inner.size / 2);
  });
});

describe('what is no checkpoint says what it is', () => {
  const zip = (name: string) => zipSync({ [name]: new Uint8Array(4) }, { level: 0 });
  /** A torch archive with a compressed pickle of that size, as its directory has it. */
  const claiming = (size: number) => {
    const bytes = zipSync({ 'a/data.pkl': new Uint8Array(4096) }, { level: 9 });
    const d = new DataView(bytes.buffer, bytes.byteOffset);
    d.setUint32(d.getUint32(bytes.length - 6, true) + 24, size, true);
    return bytes;
  };
  const tar = new Uint8Array(1024);
  tar.set(bytesOf('sys_info'), 0);
  tar.set(bytesOf('ustar'), 257);
  test.each([
    ['empty', new Uint8Array(0), /empty/],
    ['zeros', new Uint8Array(100), /zeros/],
    ['page', bytesOf('\n<!DOCTYPE html><html>'), /web page/],
    ['lfs', bytesOf('version https://git-lfs.github.com/spec/v1\noid sha256:0'), /LFS/],
    ['gzip', bytesOf([0x1f, 0x8b, 8, 0]), /gzip/],
    ['hdf5', bytesOf([0x89], 'HDF\r\n\x1a\n'), /HDF5/],
    ['png', bytesOf([0x89], 'PNG\r\n\x1a\n'), /PNG/],
    ['json', bytesOf('{"a": 1}'), /JSON/],
    ['noise', bytesOf('hello world'), /known kind.*68 65 6c/],
    ['tar', tar, /tar format of PyTorch/],
    ['data set', zip('00000/img00000000.png'), /data set/],
    ['npz', zip('images.npy'), /npz/],
    ['packed', zip('model.pkl'), /Unpack/],
    [
      'script',
      zipSync({ 'a/data.pkl': new Uint8Array(4), 'a/constants.pkl': new Uint8Array(4) }),
      /TorchScript/,
    ],
    ['a pickle that would fill the memory', claiming(2 ** 30), /larger than it may be.*1073741824/],
    ['other zip', zip('readme.txt'), /readme\.txt/],
    [
      'dict',
      bytesOf([0x80, 4], '}(', [0x8c, 1], 'a', 'K', 1, [0x8c, 1], 'b', 'K', 2, 'u.'),
      /no network.*'a', 'b'/,
    ],
    ['number', bytesOf([0x80, 4], 'K', 1, '.'), /no network.*number/],
  ] as [string, Uint8Array, RegExp][])('%s', (_, bytes, message) => {
    expect(failure(() => open(bytes)).describe()).toMatch(message);
  });
});
