import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { InnateError } from '../../src/lib/errors';
import { precondNamed } from '../../src/lib/preconditioning';
import { configFromKwargs } from '../../src/nn/config';
import { parameterCount } from '../../src/nn/parameters';
import { catalogueFacts } from '../../src/state/models';
import {
  type CatalogueModel,
  fileSize,
  findModel,
  hostOf,
  labelCount,
  paperUrl,
  parseCatalogue,
  parseClassNames,
} from '../../src/storage/catalogue';

const text = readFileSync('public/models/index.json', 'utf8');
const catalogue = parseCatalogue(text);
const entry = (id: string) => findModel(catalogue, id);

describe('what an entry may say', () => {
  /** The catalogue with one field of one entry set, read. */
  const read = (id: string, path: (string | number)[], value: unknown) => {
    const json = JSON.parse(text) as { models: { id: string }[] };
    let at = json.models.find((m) => m.id === id) as unknown as Record<string | number, unknown>;
    for (const key of path.slice(0, -1)) at = at[key] as Record<string | number, unknown>;
    at[path[path.length - 1]!] = value;
    return parseCatalogue(JSON.stringify(json));
  };
  const complaint = (id: string, path: (string | number)[], value: unknown) => {
    try {
      read(id, path, value);
    } catch (error) {
      expect(error).toBeInstanceOf(InnateError);
      return (error as InnateError).describe();
    }
    return 'accepted';
  };

  test.each<[(string | number)[], unknown, RegExp]>([
    [['sigma'], -1, /models\[\d+\]\.sigma \(sida-ffhq\): .*expected a positive number, found -1/],
    [['sigma'], '2.5', /\.sigma \(sida-ffhq\).*a positive number.*"2\.5"/],
    [['nfe'], 0, /\.nfe \(sida-ffhq\).*a number of evaluations/],
    [['nfe'], 1.5, /\.nfe \(sida-ffhq\).*a number of evaluations/],
    [['nfe'], undefined, /\.nfe \(sida-ffhq\).*this field/],
    [['sigma_mid'], 0, /\.sigma_mid \(sida-ffhq\).*a positive number, found 0/],
    [['sigma_mid'], 0.8, /\.nfe \(sida-ffhq\).*2, as of every model with a sigma_mid, found 1/],
    [['method'], 'magic', /\.method \(sida-ffhq\).*edm, gdd, gdd-i.*"magic"/],
    [['method'], undefined, /\.method \(sida-ffhq\).*this field/],
    [['paper'], 'somewhere', /\.paper \(sida-ffhq\).*an arXiv number or address/],
    [['reported', 'metric'], 'frechet', /\.reported\.metric \(sida-ffhq\).*expected fid/],
    [['reported', 'value'], null, /\.reported\.value \(sida-ffhq\).*a positive number.*null/],
    [['reported', 'of'], 'somebody', /\.reported\.of \(sida-ffhq\).*file or family/],
    [['reported', 'source'], undefined, /\.reported\.source \(sida-ffhq\).*this field.*nothing/],
    [['reported', 'url'], 'http://example.org/', /\.reported\.url \(sida-ffhq\).*an https address/],
    [['role'], 'critic', /\.role \(sida-ffhq\).*teacher or student/],
    [['kind'], 'rumoured', /\.kind \(sida-ffhq\).*shipped, official or manual/],
    [['classes'], 7, /\.classes \(sida-ffhq\).*names/],
    [['classes'], '../secret.json', /\.classes \(sida-ffhq\)/],
    [['classes'], 'classes/imagenet-1000.json', /\.label_dim \(sida-ffhq\).*the number of names/],
    [['label_dim'], 'many', /\.label_dim \(sida-ffhq\).*a number of classes/],
    [['files'], [], /\.files \(sida-ffhq\).*at least one file/],
    [['files', 0, 'url'], undefined, /\.files\[0\] \(sida-ffhq\).*a url/],
    [['files', 0, 'url'], 'javascript:alert(1)', /\.files\[0\]\.url \(sida-ffhq\).*an https address/],
    [['files', 0, 'path'], '../../etc/passwd', /\.files\[0\]\.path \(sida-ffhq\).*inside the models folder/],
    [['files', 0, 'bytes'], -5, /\.files\[0\]\.bytes \(sida-ffhq\).*a number of bytes, or null/],
    [['files', 0, 'sha256'], 'abc', /\.files\[0\]\.sha256 \(sida-ffhq\).*64 hexadecimal digits/],
    [['teacher'], 'nobody', /\(sida-ffhq\).*the id of another entry.*nobody/],
    [['id'], 'sida-afhqv2', /\.id \(sida-afhqv2\).*a unique id/],
    [['name'], '', /\.name \(sida-ffhq\).*a text/],
  ])('%j = %j is refused, by entry and field', (path, value, words) => {
    expect(complaint('sida-ffhq', path, value)).toMatch(words);
  });

  test('a shipped model has a file in the folder', () => {
    expect(complaint('afhq-cat-64x64-gdd-i', ['files', 0, 'path'], undefined)).toMatch(
      /\.files\[0\] \(afhq-cat-64x64-gdd-i\).*a path/,
    );
  });

  test('fields that a later version adds are left alone', () => {
    expect(read('sida-ffhq', ['weather'], 'fine').models).toHaveLength(catalogue.models.length);
  });

  test.each([
    ['{', /byte 0.*JSON/],
    ['null', /the whole of it/],
    ['{"version": 2, "models": []}', /version: .*version 1.*found 2/],
    ['{"version": 1}', /models.*this field/],
  ])('%s is no catalogue', (json, words) => {
    expect(() => parseCatalogue(json)).toThrow(InnateError);
    try {
      parseCatalogue(json);
    } catch (error) {
      expect((error as InnateError).describe()).toMatch(words);
    }
  });
});

describe('the public models', () => {
  const publicOnes = catalogue.models.filter((m) => m.kind !== 'shipped');

  test('are the 37 of four data sets', () => {
    expect(publicOnes).toHaveLength(37);
    expect(counts(publicOnes)).toEqual({
      'cifar10-32x32': 14,
      'ffhq-64x64': 7,
      'afhqv2-64x64': 7,
      'imagenet-64x64': 9,
    });
  });

  // Figures of the authors: the EDM paper and the README of locuslab/ect.
  test.each([
    ['VP', 'cifar10-32x32', 55.7],
    ['VP', 'ffhq-64x64', 61.8],
    ['VP', 'afhqv2-64x64', 61.8],
    ['VE', 'cifar10-32x32', 56.4],
    ['VE', 'ffhq-64x64', 62.8],
    ['ADM', 'imagenet-64x64', 295.9],
  ])('%s of %s: %d M parameters, as its architecture has', (variant, dataset, millions) => {
    const teachers = publicOnes.filter((m) => m.variant === variant && m.dataset === dataset);
    expect(teachers.length).toBeGreaterThan(0);
    for (const model of teachers) expect(model.parameters / 1e6).toBeCloseTo(millions, 1);
  });

  test.each(publicOnes.map((m) => [m.id, m] as const))('%s is a network of that size', (_, model) => {
    const kwargs = new Map(Object.entries(model.architecture))
      .set('img_resolution', model.resolution)
      .set('img_channels', model.channels)
      .set('label_dim', labelCount(model));
    const { unet } = configFromKwargs(kwargs, precondNamed(model.precond)!);
    expect(parameterCount(unet)).toBe(model.parameters);
  });

  test('SiD and its kin start at 2.5 and are as their teachers are, VP', () => {
    for (const model of publicOnes.filter((m) => m.method?.startsWith('sid'))) {
      expect(model.sigma).toBe(2.5);
      expect(model.architecture).toEqual(entry(model.teacher!).architecture);
      expect(model.architecture.embedding_type ?? 'positional').toBe('positional');
    }
  });

  test('say where they are and what paper they are of', () => {
    expect(new Set(publicOnes.map(hostOf))).toEqual(
      new Set(['huggingface.co', 'nvlabs-fi-cdn.nvidia.com', 'drive.google.com']),
    );
    expect(hostOf(entry('afhq-cat-64x64-gdd-i'))).toBeNull();
    expect(paperUrl(entry('sida-ffhq'))).toBe('https://arxiv.org/abs/2410.14919');
    expect(paperUrl({ ...entry('sida-ffhq'), paper: 'https://example.org/paper' })).toBe(
      'https://example.org/paper',
    );
    expect(paperUrl(entry('afhq-cat-64x64-gdd-i'))).toBeNull();
  });
});

describe('classes', () => {
  test.each([
    ['edm-imagenet-64x64-cond-adm', 1000],
    ['gdd-imagenet-64x64', 1000],
    ['edm-cifar10-32x32-cond-ve', 10],
    ['edm-ffhq-64x64-uncond-ve', 0],
  ])('%s has %i', (id, count) => {
    expect(labelCount(entry(id))).toBe(count);
    expect(catalogueFacts(catalogue, entry(id)).labelDim).toBe(count);
  });

  const file = readFileSync('public/models/classes/imagenet-1000.json', 'utf8');
  test('those of ImageNet are a file beside the catalogue', () => {
    const names = parseClassNames(file, 1000, 'imagenet-1000.json');
    expect([names[0]![0], names[283]![0], names[999]![0]]).toEqual(['tench', 'Persian cat', 'toilet tissue']);
    expect(names[286]).toContain('puma');
  });

  test.each([
    ['{', 1000],
    ['["tench"]', 1],
    ['[[]]', 1],
    ['[["tench"], ["goldfish"]]', 3],
  ])('a list of names that is none is refused: %s', (json, count) => {
    expect(() => parseClassNames(json, count, 'names.json')).toThrow('the list of class names is damaged');
  });
});

describe('the size of a file', () => {
  test('is what is stated', () => {
    const shipped = catalogue.models.find((m) => m.kind === 'shipped')!;
    expect(fileSize(shipped)).toEqual({ bytes: shipped.files[0]!.bytes, estimated: false });
  });

  test('is estimated from the parameters otherwise', () => {
    expect(fileSize(entry('edm-imagenet-64x64-cond-adm'))).toEqual({
      bytes: 295_899_267 * 4,
      estimated: true,
    });
    const half: CatalogueModel = { ...entry('edm-ffhq-64x64-uncond-ve') };
    half.files = [{ ...half.files[0]!, dtype: 'f16' }];
    expect(fileSize(half)).toEqual({ bytes: half.parameters * 2, estimated: true });
  });

  test('is unknown where nothing tells', () => {
    expect(fileSize({ ...entry('edm-ffhq-64x64-uncond-ve'), parameters: 0 })).toBeNull();
  });
});

function counts(models: readonly CatalogueModel[]): Record<string, number> {
  const sets: Record<string, number> = {};
  for (const { dataset } of models) sets[dataset] = (sets[dataset] ?? 0) + 1;
  return sets;
}
