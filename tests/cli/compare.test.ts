import { copyFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { decode } from 'fast-png';
import { describe, expect, it } from 'vitest';
import { fileSource } from '../../cli/files';
import { readPngText } from '../../src/formats/png';
import { readFloat32 } from '../../src/formats/tensor';
import { innate, scratch } from '../support/cli';
import { readNpz, readNpzTexts } from '../support/npz';

const out = scratch();
const STUDENT = 'fashion-mnist-32x32-gdd-i';
const TEACHER = 'fashion-mnist-32x32-teacher';
const SIZE = 32 * 32;

const compare = (...args: string[]) => innate('compare', ...args, '--backend', 'wasm');

/** Images of one model by `innate generate`. */
function generated(model: string, seeds: string, ...args: string[]): number[] {
  const file = join(out, 'one.npz');
  const { status, stderr } = innate(
    'generate',
    model,
    '--seeds',
    seeds,
    '--out',
    file,
    '--backend',
    'wasm',
    ...args,
  );
  expect(status, stderr).toBe(0);
  return [...readFloat32(readNpz(fileSource(file)).get('images')!)];
}

describe('an .npz of several models', () => {
  const file = join(out, 'both.npz');

  it('has the images that each makes alone, with the settings of its row', () => {
    const rows = [STUDENT, `${TEACHER}@heun:3`, `${TEACHER}@two-step,sigma=40`];
    const { status, stdout, stderr } = compare(
      ...rows,
      '--seeds',
      '3,5',
      '--class',
      'sneaker',
      '--out',
      file,
      '--json',
    );
    expect(status, stderr).toBe(0);
    const arrays = readNpz(fileSource(file));
    expect(arrays.get('images')).toMatchObject({ dtype: 'u8', shape: [3, 2, 32, 32, 1] });
    const images = [...readFloat32(arrays.get('images')!)];
    const part = (i: number) => images.slice(i * 2 * SIZE, (i + 1) * 2 * SIZE);
    expect(part(0)).toEqual(generated(STUDENT, '3,5', '--class', '7'));
    expect(part(1)).toEqual(generated(TEACHER, '3,5', '--class', '7', '--sampler', 'heun', '--steps', '3'));
    expect(part(2)).toEqual(
      generated(TEACHER, '3,5', '--class', '7', '--sampler', 'two-step', '--sigma', '40'),
    );
    expect([...readFloat32(arrays.get('seeds')!)]).toEqual([3, 5]);
    expect([...readFloat32(arrays.get('labels')!)]).toEqual([7, 7, 7, 7, 7, 7]);
    const result = JSON.parse(stdout);
    expect(result).toMatchObject({ out: file, seeds: [3, 5], backend: expect.stringContaining('wasm') });
    expect(result.rows).toEqual([
      expect.objectContaining({
        model: STUDENT,
        sampler: 'one-step',
        steps: null,
        nfe: 1,
        sigma: 2.5,
        class: 7,
        parameters: 1283009,
        reported: null,
        quality: expect.objectContaining({ value: 0.736, nfe: 1, n: 1000 }),
      }),
      expect.objectContaining({ model: TEACHER, sampler: 'heun', steps: 3, nfe: 5, sigma: 80 }),
      expect.objectContaining({ sampler: 'two-step', nfe: 2, sigma: 40, quality: null }),
    ]);
    for (const row of result.rows) expect(row.ms).toBeGreaterThan(0);
  });

  it('names its rows as numpy reads texts', () => {
    expect(readNpzTexts(fileSource(file), 'names')).toEqual([
      STUDENT,
      `${TEACHER}@heun:3`,
      `${TEACHER}@two-step,sigma=40`,
    ]);
  });

  it('is refused for images of different sizes, before any are made', () => {
    const wrong = join(out, 'wrong.npz');
    const { status, stderr } = compare(STUDENT, 'afhq-cat-64x64-gdd-i', '--seeds', '0', '--out', wrong);
    expect(status).toBe(1);
    expect(stderr).toMatch(/of one size.*32x32x1.*64x64x3.*\.png/);
    expect(existsSync(wrong)).toBe(false);
    expect(compare(STUDENT, '--seeds', '0.5', '--out', wrong).stderr).toContain('whole seeds');
  });
});

describe('a sheet', () => {
  it('scales images of any size by whole multiples, and says how it was made', () => {
    const file = join(out, 'sheet.png');
    const { status, stderr } = compare(
      ...[STUDENT, 'afhq-cat-64x64-gdd-i', '--seeds', '0-1', '--class', '7', '--out', file],
    );
    expect(status, stderr).toBe(0);
    expect(stderr).toContain('afhq-cat-64x64-gdd-i: no classes');
    expect(Object.fromEntries(readPngText(readFileSync(file)))).toMatchObject({
      models: `${STUDENT} afhq-cat-64x64-gdd-i`,
      seeds: '0-1',
    });
    const sheet = decode(readFileSync(file));
    expect([sheet.width, sheet.channels]).toEqual([2 * 32 + 520 + 2 * 264, 3]);
    const clothes = generated(STUDENT, '0-1', '--class', '7');
    const cats = generated('afhq-cat-64x64-gdd-i', '0-1');
    const at = (x: number, y: number) => sheet.data[(y * sheet.width + x) * 3 + 1];
    for (const [x, y] of [
      [0, 0],
      [13, 20],
      [31, 31],
    ] as const) {
      expect(at(560 + 264 + 8 * x + 7, 54 + 8 * y)).toBe(clothes[SIZE + y * 32 + x]);
      expect(at(560 + 4 * x, 54 + 264 + 4 * y + 3)).toBe(cats[(y * 64 + x) * 3 + 1]);
    }
  });
});

describe('models and their settings', () => {
  it('may be files whose names hold an @', () => {
    const file = join(out, 'net@heun:2.pkl');
    copyFileSync(join(import.meta.dirname, '../fixtures/mini/mini-ncsnpp-16-cond.pkl'), file);
    const result = compare(file, `${file}@heun:2`, '--seeds', '0', '--out', join(out, 'files.npz'), '--json');
    expect(result.status, result.stderr).toBe(0);
    expect(JSON.parse(result.stdout).rows).toMatchObject([{ nfe: 1 }, { nfe: 3 }]);
  });

  it.each([
    [`${STUDENT}@huen:3`, /cannot read how.*huen:3/],
    [`${STUDENT}@heun:1`, /cannot read how.*heun:1/],
    [`${STUDENT}@sigma=0`, /cannot read how.*MODEL@sigma=2\.5/],
    ['nothing@home', /neither a file nor a model/],
  ])('%s is refused in one line', (model, said) => {
    const { status, stderr } = compare(model, '--seeds', '0', '--out', join(out, 'x.png'));
    expect(status).toBe(1);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(stderr).toMatch(said);
  });

  it('need a class that one of them has, and an output that is known', () => {
    const png = join(out, 'x.png');
    const said = (...args: string[]) => compare(...args, '--seeds', '0').stderr;
    expect(said(STUDENT, '--class', 'spoon', '--out', png)).toMatch(/no such class.*ankle boot/);
    expect(said('afhq-cat-64x64-gdd-i', '--class', '1', '--out', png)).toContain(
      'none of these models has classes',
    );
    expect(said(STUDENT, '--out', join(out, 'x.jpg'))).toMatch(/\.png or \.npz/);
    expect(compare(STUDENT, '--seeds', '0-64', '--out', png).stderr).toContain(
      'at most 8 models and 64 seeds',
    );
  });
});
