import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { NamedClasses } from '../../cli/class-argument';
import { classesOf } from '../../cli/class-mix-argument';
import { fileSource } from '../../cli/files';
import { writeNpy } from '../../src/formats/npy';
import { readFloat32 } from '../../src/formats/tensor';
import { seedNoise } from '../../src/rng/seeds';
import { innate } from '../support/cli';
import { FIXTURES } from '../support/fixtures';
import { readNpz } from '../support/npz';

const folder = mkdtempSync(join(tmpdir(), 'innate-inputs-'));
afterAll(() => rmSync(folder, { recursive: true }));

const PETS: NamedClasses = {
  labelDim: 4,
  classes: ['cat', 'dog', 'tench, Tinca tinca', 'a:b'],
  synonyms: null,
};

describe('--class', () => {
  test.each([
    ['dog', 1, []],
    ['a:b', 3, []],
    ['cat:0.7,dog:0.3', 0, [{ index: 1, weight: 0.3 }]],
    [
      '0:7, 1:2 ,3:1',
      0,
      [
        { index: 1, weight: 0.2 },
        { index: 3, weight: 0.1 },
      ],
    ],
    ['tench, Tinca tinca:1,dog:3', 2, [{ index: 1, weight: 0.75 }]],
    ['a:b:1,cat:1', 3, [{ index: 0, weight: 0.5 }]],
    ['dog:5', 1, []],
    ['dog:1,auto:3', null, [{ index: 1, weight: 0.25 }]],
  ])('%s', (text, classIndex, mix) => expect(classesOf(text, PETS)).toEqual({ classIndex, mix }));

  test.each([
    ['cat:0.7,mouse:0.3', /no such class.*mouse|mouse.*no such class/],
    ['cat:0.7,dog', /no such class/],
    ['cat:0,dog:1', /not a weight.*above 0/],
    ['cat:-1,dog:1', /not a weight/],
    ['cat:1,0:2', /twice/],
  ])('%s is refused', (text, why) => {
    expect(() => classesOf(text, PETS)).toThrow(expect.objectContaining({ describe: expect.any(Function) }));
    try {
      classesOf(text, PETS);
    } catch (error) {
      expect((error as { describe(): string }).describe()).toMatch(why);
    }
  });
});

describe('innate generate', () => {
  const model = join(FIXTURES, 'mini', 'mini-ncsnpp-16-cond.pkl');
  const made = (name: string, ...args: string[]) => {
    const out = join(folder, `${name}.npz`);
    const run = innate('generate', model, '--out', out, '--backend', 'wasm', ...args);
    expect(run.stderr).not.toMatch(/error/i);
    expect(run.status).toBe(0);
    return readNpz(fileSource(out));
  };
  const images = (arrays: ReturnType<typeof made>) => [...readFloat32(arrays.get('images')!)];

  test('mixes classes, and says what each image’s class vector was', () => {
    const mixed = made('mixed', '--seeds', '0-1', '--class', '1:0.65,2:0.35');
    const { shape } = mixed.get('class_vectors')!;
    expect(shape[0]).toBe(2);
    const vectors = [...readFloat32(mixed.get('class_vectors')!)];
    const row = Array.from({ length: shape[1]! }, (_, k) => Math.fround(k === 1 ? 0.65 : k === 2 ? 0.35 : 0));
    expect(vectors).toEqual([...row, ...row]);
    const [one, two] = ['1', '2'].map((k) => images(made(`class-${k}`, '--seeds', '0-1', '--class', k)));
    expect(images(mixed)).not.toEqual(one);
    expect(images(mixed)).not.toEqual(two);
    // All of the weight on one class is that class.
    expect(images(made('whole', '--seeds', '0-1', '--class', '2:4'))).toEqual(two);
  });

  test('latents of a file are the noise: those of a seed give its images, at any temperature', () => {
    const size = 3 * 16 * 16;
    const latents = Float32Array.from([...seedNoise(3, size), ...seedNoise(4, size)]);
    const file = join(folder, 'z.npy');
    writeFileSync(file, writeNpy({ dtype: 'f32', shape: [2, 3, 16, 16], data: latents }));
    const args = ['--class', '1', '--temperature', '0.8'];
    const given = made('latents', '--latent', file, ...args);
    expect(images(given)).toEqual(images(made('seeds', '--seeds', '3,4', ...args)));
    expect(images(given)).not.toEqual(images(made('warm', '--seeds', '3,4', '--class', '1')));
    const halved = join(folder, 'half.npy');
    writeFileSync(
      halved,
      writeNpy({ dtype: 'f32', shape: [2, 3, 16, 16], data: latents.map((z) => z * 0.5) }),
    );
    expect(images(made('cool', '--seeds', '3,4', '--class', '1', '--temperature', '0.5'))).toEqual(
      images(made('halved', '--latent', halved, '--class', '1')),
    );
  });

  test('an .npz of seeds between whole ones is refused before a model is opened', () => {
    const run = (name: string) =>
      innate('generate', 'no-such-model', '--seeds', '3,0.5', '--out', join(folder, name)).stderr;
    expect(run('half.npz')).toMatch(
      /--seeds: an \.npz stores whole seeds.*found 0\.5.*Write a \.png or a folder/,
    );
    expect(run('half.png')).toMatch(/no-such-model/);
  });

  test('says what is missing, or does not fit', () => {
    const refused = (...args: string[]) => {
      const run = innate('generate', model, '--out', join(folder, 'x.png'), ...args);
      expect(run.status).not.toBe(0);
      return run.stderr;
    };
    expect(refused()).toMatch(/--seeds LIST, or --latent FILE/);
    const file = join(folder, 'small.npy');
    writeFileSync(file, writeNpy({ dtype: 'f32', shape: [3, 8, 8], data: new Float32Array(192) }));
    expect(refused('--latent', file)).toMatch(/expected \[1, 3, 16, 16\].*found \[3, 8, 8\]/);
    expect(refused('--seeds', '1', '--temperature', '3')).toMatch(/0 to 2/);
    expect(readFileSync(file).length).toBeGreaterThan(0);
  });
});
