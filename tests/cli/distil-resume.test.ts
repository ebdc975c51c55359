import { mkdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { completeCommand, MEASURE } from '../../cli/distil-command';
import { fileSource } from '../../cli/files';
import type { RunMeta } from '../../src/distil/state';
import { readSafetensors } from '../../src/formats/safetensors';
import { innate, scratch } from '../support/cli';

const out = scratch();
const PUBLIC = join(import.meta.dirname, '../../public');
const DATA = join(PUBLIC, 'data/fashion-mnist-32x32.zip');

const TEACHER = 'fashion-mnist-32x32-teacher';

describe('--resume alone', () => {
  const [home, moved] = [join(out, 'home'), join(out, 'moved')];
  const state = join(moved, 's.safetensors.state');

  it('goes on with the method, the files and the log of the run, in a folder that was moved too', () => {
    mkdirSync(home);
    const begun = innate(
      ...['distil', '--teacher', TEACHER, '--data', DATA, '--method', 'gdd', '--backend', 'wasm'],
      ...['--images', '4', '--batch', '2', '--measure-images', '0'],
      ...['--out', join(home, 's.safetensors'), '--log', join(home, 's.jsonl')],
    );
    expect(begun.status, begun.stderr).toBe(0);
    renameSync(home, moved);
    const resumed = innate('distil', '--resume', state, '--images', '6', '--backend', 'wasm', '--json');
    expect(resumed.status, resumed.stderr).toBe(0);
    expect(JSON.parse(resumed.stdout)).toMatchObject({
      out: join(moved, 's.safetensors'),
      images: 6,
      finished: true,
      best: null, // no distance is measured, as before
    });
    const { metadata } = readSafetensors(fileSource(join(moved, 's.safetensors')));
    expect([metadata.get('method'), metadata.get('images_seen')]).toEqual(['gdd', '6']);
    const [head, ...points] = readFileSync(join(moved, 's.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(head).toMatchObject({ event: 'start', method: 'gdd', freeze: '0', shareTrained: 1 });
    expect(points.map(({ images }) => images)).toEqual([2, 4, 6]);
  });

  it('refuses another teacher and other images, and says what it began with', () => {
    const student = 'fashion-mnist-32x32-gdd-i';
    const other = innate('distil', '--resume', state, '--teacher', student, '--backend', 'wasm');
    expect(other.status).toBe(1);
    expect(other.stderr).toMatch(/had another teacher.*fashion-mnist-32x32-teacher/);
    const one = join(out, 'one');
    innate('generate', student, '--seeds', '0-39', '--backend', 'wasm', '--out', join(out, 'one.npz'));
    const images = innate('distil', '--resume', state, '--data', `${one}.npz`, '--backend', 'wasm');
    expect(images.status).toBe(1);
    expect(images.stderr).toMatch(/had other images.*fashion-mnist-32x32\.zip/);
  });
});

describe('what a state remembers', () => {
  const saved = (command: RunMeta['command']) => ({ command }) as RunMeta;
  const base = { backend: 'auto' as const };

  it('is completed by what is typed, which counts more', () => {
    const command = { teacher: 'net', data: DATA, out: '/x/s', measureEvery: 7, measureImages: 0 };
    expect(completeCommand({ ...base, resume: '/x/s.state', measureEvery: 9 }, saved(command))).toEqual({
      teacher: 'net',
      student: undefined,
      data: DATA,
      out: '/x/s',
      log: undefined,
      measureEvery: 9,
      measureImages: 0,
    });
    const typed = { ...base, teacher: 'a', data: 'b', out: 'c' };
    expect(completeCommand(typed, undefined)).toMatchObject({
      teacher: 'a',
      data: 'b',
      out: 'c',
      ...MEASURE,
    });
  });

  it('is found beside the state where it was moved with it', () => {
    const elsewhereState = join(out, 'elsewhere.state');
    const {
      teacher,
      data,
      out: written,
    } = completeCommand(
      { ...base, resume: join(PUBLIC, 'data', 's.best.state') },
      saved({ teacher: 'net', data: '/gone/fashion-mnist-32x32.zip', out: '/gone/s' }),
    );
    expect([teacher, data, written]).toEqual(['net', DATA, join(PUBLIC, 'data', 's')]);
    const other = saved({ teacher: 'net', data: '/gone/x.zip', out: '/gone/s', log: '/gone/s.jsonl' });
    const elsewhere = completeCommand({ ...base, resume: elsewhereState, out: join(out, 'n') }, other);
    expect([elsewhere.data, elsewhere.log]).toEqual(['/gone/x.zip', join(out, 's.jsonl')]);
  });

  it('says what nobody says', () => {
    expect(() => completeCommand({ ...base, resume: '/x/page.state', data: DATA }, saved(undefined))).toThrow(
      expect.objectContaining({ detail: expect.objectContaining({ expected: '--teacher' }) }),
    );
  });
});
