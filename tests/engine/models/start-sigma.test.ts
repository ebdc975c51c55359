import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { readSigma, sigmaOfName, sigmaSource, startSigma } from '../../../src/engine/models/start-sigma';
import { parseCatalogue } from '../../../src/storage/catalogue';

describe('a file name gives the start sigma away', () => {
  // Names as their authors publish them.
  test.each([
    'network-snapshot-1.200000-403968.pkl', // SiD: alpha, then images
    'network-snapshot-1.000000-371712.pkl',
    'cifar10_uncond_sida_alpha1-217920.pkl',
    'cifar10_cond_sid2a_alpha1.2-053760.pkl',
    'imgnet64_sida_alpha1-249167.pkl',
    'afhq64-v2_sid2a_alpha1-175104.pkl',
    'SiD-ffhq.safetensors',
    'C:\\Users\\me\\sid2a.pkl',
  ])('%s: 2.5', (name) => expect(sigmaOfName(name)).toBe(2.5));

  test.each([
    ['celeba-64x64-gdd-i-sigma2.5.safetensors', 2.5],
    ['student_init_sigma=5.pt', 5],
    ['sid_sigma80.pkl', null], // as all others
    ['edm-sigma0.5.pkl', null], // the images' own
    ['edm_sigma_data0.5.pkl', null],
    ['sigma3layers.pkl', null],
  ])('%s states it: %s', (name, sigma) => expect(sigmaOfName(name)).toBe(sigma));

  test.each([
    'network-snapshot-002500.pkl', // EDM
    'edm-cifar10-32x32-uncond-ve.pkl',
    'pytorch_model.bin',
    'cifar_uncond_gdd_i.pkl',
    'inside.pkl',
    'sidney.pt',
    'sid2.pkl',
    '/home/sid/edm-ffhq-64x64-uncond-vp.pkl', // only the file's own name counts
  ])('%s: nothing', (name) => expect(sigmaOfName(name)).toBeNull());
});

test('how it is known', () => {
  const of = (said: string | undefined, name: string) =>
    sigmaSource(new Map(said === undefined ? [] : [['sigma', said]]), name);
  expect(of('2.5', 'x')).toBe('file');
  expect(of(undefined, 'sid.pkl')).toBe('name');
  expect(of('junk', 'sid.pkl')).toBe('unsaid');
  expect(of(undefined, 'edm.pkl')).toBe('unsaid');
});

describe('the start sigma of a model', () => {
  const decide = (asked: number | undefined, said: string | undefined, name: string) => {
    const notes: string[] = [];
    const metadata = new Map(said === undefined ? [] : [['sigma', said]]);
    return { sigma: startSigma(asked, metadata, name, notes), notes };
  };
  test('asked for, then said, then guessed and told, then 80', () => {
    expect(decide(7, '2.5', 'sid.pkl')).toEqual({ sigma: 7, notes: [] });
    expect(decide(undefined, '80', 'sid.pkl')).toEqual({ sigma: 80, notes: [] });
    expect(decide(undefined, '2.5', 'x.safetensors')).toEqual({ sigma: 2.5, notes: [] });
    const guessed = decide(undefined, undefined, 'sid.pkl');
    expect(guessed.sigma).toBe(2.5);
    expect(guessed.notes.join()).toMatch(/2\.5.*SiD.*--sigma 80/);
    expect(decide(undefined, undefined, 'edm.pkl')).toEqual({ sigma: 80, notes: [] });
  });
  test('what is no sigma is ignored, and told', () => {
    for (const text of ['', 'abc', '-1', '0', '1e9', '99999999', 'NaN', 'Infinity', '2.5.1']) {
      expect(readSigma(text), text).toBeNull();
      const found = decide(undefined, text, 'sid.pkl');
      expect(found.sigma).toBe(80);
      expect(found.notes.join()).toMatch(/not a usable number/);
    }
    expect(['2.5', ' 80 ', '0.8', '80.', '10000'].map(readSigma)).toEqual([2.5, 80, 0.8, 80, 10_000]);
  });
});

describe('the catalogue', () => {
  const text = readFileSync('public/models/index.json', 'utf8');
  const catalogue = (sigma: unknown) => {
    const json = JSON.parse(text);
    json.models[0].sigma = sigma;
    return JSON.stringify(json);
  };
  test('keeps the field, and refuses what is none', () => {
    expect(parseCatalogue(catalogue(2.5)).models[0]!.sigma).toBe(2.5);
    expect(parseCatalogue(catalogue(undefined)).models[0]!.sigma).toBeUndefined();
    for (const bad of ['2.5', 0, -1, null])
      expect(() => parseCatalogue(catalogue(bad))).toThrow(
        expect.objectContaining({
          detail: expect.objectContaining({
            where: 'index.json, models[0].sigma (afhq-cat-64x64-gdd-i)',
          }),
        }),
      );
  });
});
