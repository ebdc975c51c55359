import { join } from 'node:path';
import { expect, it } from 'vitest';
import { checkSampling } from '../../cli/catalogue-check';
import { fileSource } from '../../cli/files';
import { readSafetensors } from '../../src/formats/safetensors';
import { readFloat32 } from '../../src/formats/tensor';
import { innate, scratch } from '../support/cli';
import { FIXTURES, maxError, readGolden } from '../support/fixtures';

const out = scratch();
const latents = join(FIXTURES, 'parity/mini-ncsnpp-16-cond.golden.safetensors');
const golden = readGolden(latents);
const MINI = join(FIXTURES, 'mini/mini-ncsnpp-16-cond.pkl');
const said = (file: string) => readSafetensors(fileSource(join(out, file))).metadata;

it('a converted two-step student runs in its two steps wherever it is used', () => {
  const student = join(out, 'student.safetensors');
  const run = (...args: string[]) => {
    const result = innate(...args, '--backend', 'wasm');
    expect(result.status, result.stderr).toBe(0);
    return result;
  };
  const converted = run('convert', MINI, student, '--dtype', 'f32', '--sigma-mid', '0.8');
  expect(converted.stdout).toContain('in two steps, at sigma 80 and 0.8');
  expect(Object.fromEntries(said('student.safetensors'))).toMatchObject({ nfe: '2', sigma_mid: '0.8' });

  const made = (...flags: string[]) => {
    run('run', student, '--latents', latents, '--out', join(out, 'x.safetensors'), ...flags);
    const { tensors, metadata } = readSafetensors(fileSource(join(out, 'x.safetensors')));
    return { values: readFloat32(tensors.get('images')!), sampler: metadata.get('sampler') };
  };
  const own = made();
  expect(own.sampler).toBe('two-step');
  expect(maxError(own.values, golden.float('two_step'))).toBeLessThanOrEqual(1e-4);
  const once = made('--sampler', 'one-step');
  expect(maxError(once.values, golden.float('output_sigma_80'))).toBeLessThanOrEqual(1e-4);
  expect(maxError(made('--sigma-mid', '2').values, own.values)).toBeGreaterThan(1e-3);

  const compared = run(
    ...['compare', student, `${student}@one-step`, '--seeds', '0-1', '--json'],
    ...['--out', join(out, 'both.npz')],
  );
  expect(JSON.parse(compared.stdout).rows).toMatchObject([
    { sampler: 'two-step', nfe: 2 },
    { sampler: 'one-step', nfe: 1 },
  ]);
});

const distil = (name: string, ...args: string[]) =>
  innate(
    ...[
      'distil',
      '--teacher',
      'fashion-mnist-32x32-teacher',
      '--data',
      'public/data/fashion-mnist-32x32.zip',
    ],
    ...['--preset', 'small-encoder', '--batch', '2', '--measure-images', '0', '--backend', 'wasm'],
    ...['--out', join(out, `${name}.safetensors`), ...args],
  );

it('distil makes one, which its file, its state and a student that goes on from it know', {
  timeout: 600_000,
}, () => {
  const first = distil('two', '--images', '2', '--nfe', '2', '--sigma-mid', '0.6');
  expect(first.status, first.stderr).toBe(0);
  expect(first.stdout).toContain('two-step gdd-i student after 2 images');
  const own = { nfe: '2', sigma: '2.5', sigma_mid: '0.6' };
  expect(Object.fromEntries(said('two.safetensors'))).toMatchObject(own);
  const on = innate(
    'distil',
    '--resume',
    join(out, 'two.safetensors.state'),
    '--images',
    '4',
    '--backend',
    'wasm',
  );
  expect(on.status, on.stderr).toBe(0);
  expect(Object.fromEntries(said('two.safetensors'))).toMatchObject({ ...own, images_seen: '4' });
  const other = distil('two', '--resume', join(out, 'two.safetensors.state'), '--nfe', '1');
  expect(other.stderr).toMatch(/other settings.*--nfe 2 --sigma-mid 0\.6/s);

  const next = distil('next', '--images', '2', '--student', join(out, 'two.safetensors'));
  expect(next.status, next.stderr).toBe(0);
  expect(Object.fromEntries(said('next.safetensors'))).toMatchObject(own);
});

it('models verify: what a file says of its steps, its entry says too', () => {
  const check = (entry: { sigma?: number; sigma_mid?: number }, file: Record<string, string>) => () =>
    checkSampling({ id: 'x', ...entry }, new Map(Object.entries(file)));
  const two = { nfe: '2', sigma: '2.5', sigma_mid: '0.6' };
  expect(check({ sigma: 2.5, sigma_mid: 0.6 }, two)).not.toThrow();
  expect(check({ sigma: 2.5 }, { nfe: '1', sigma: '2.5' })).not.toThrow();
  expect(check({ sigma: 2.5, sigma_mid: 0.6 }, { sigma: '2.5' })).not.toThrow(); // a file that does not say
  for (const [entry, file] of [
    [{ sigma: 2.5 }, two],
    [{ sigma: 2.5, sigma_mid: 0.8 }, two],
    [{ sigma: 2.5, sigma_mid: 0.6 }, { nfe: '1' }],
  ] as const)
    expect(check(entry, file)).toThrow('differ in the sigma of a second step');
  expect(check({ sigma_mid: 0.6 }, two)).toThrow('differ in the start sigma');
});

it('refuses steps that make no sense', () => {
  const refused = (...args: string[]) => distil('bad', '--images', '2', ...args).stderr;
  expect(refused('--nfe', '3')).toMatch(/1, 2 is expected/);
  expect(refused('--sigma-mid', '0.8')).toMatch(/one-step student has no second evaluation.*--nfe 2/);
  expect(refused('--nfe', '2', '--sigma-mid', '3')).toMatch(/not below the first.*start sigma, 2\.5/);
});
