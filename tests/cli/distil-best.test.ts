import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { fileSource } from '../../cli/files';
import { readSafetensors } from '../../src/formats/safetensors';
import { innate, scratch } from '../support/cli';

const out = scratch();
const TEACHER = 'fashion-mnist-32x32-teacher';
const said = (name: string) => readSafetensors(fileSource(join(out, name))).metadata;

/** Twenty images of ten classes: a distance to them means nothing, and is soon measured. */
function writeData(): string {
  const [count, size] = [20, 32];
  const pixels = Uint8Array.from({ length: count * size * size }, (_, i) => (i * 37 + (i >> 10) * 11) % 256);
  const data = join(out, 'train-images-idx3-ubyte');
  writeFileSync(data, Uint8Array.of(0, 0, 8, 3, 0, 0, 0, count, 0, 0, 0, size, 0, 0, 0, size, ...pixels));
  const labels = Array.from({ length: count }, (_, i) => i % 10);
  writeFileSync(join(out, 'train-labels-idx1-ubyte'), Uint8Array.of(0, 0, 8, 1, 0, 0, 0, count, ...labels));
  return data;
}

it('the best student says of itself what the last one says', { timeout: 600_000 }, () => {
  const result = innate(
    ...['distil', '--teacher', TEACHER, '--data', writeData(), '--out', join(out, 's.safetensors')],
    ...['--backend', 'wasm', '--preset', 'small-encoder', '--images', '2', '--batch', '2'],
    ...['--measure-images', '16'],
  );
  expect(result.status, result.stderr).toBe(0);
  expect(result.stderr).toMatch(/2 images: Fréchet distance/);
  const last = said('s.safetensors');
  // Of a one-step student with its teacher's preconditioning, `method` alone says that it is one.
  expect(Object.fromEntries(last)).toMatchObject({
    precond: 'EDMPrecond',
    method: 'gdd-i',
    teacher: TEACHER,
    images_seen: '2',
    nfe: '1',
  });
  expect(JSON.parse(last.get('distil_config')!)).toMatchObject({ features: 'teacher-encoder' });
  expect(said('s.best.safetensors')).toEqual(last);
});
