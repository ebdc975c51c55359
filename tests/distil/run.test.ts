import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fileSource } from '../../cli/files';
import { gddIFrozen } from '../../src/distil/freeze';
import { openModel } from '../../src/engine/models/open-model';
import { readSafetensors } from '../../src/formats/safetensors';
import { readFloat32 } from '../../src/formats/tensor';
import { innate, scratch, startInnate } from '../support/cli';

/** `innate distil` on the shipped Fashion-MNIST teacher and sample pack, on wasm. */
const out = scratch();
const DATA = join(import.meta.dirname, '../../public/data/fashion-mnist-32x32.zip');
const TEACHER = 'fashion-mnist-32x32-teacher';
const teacherFile = join(import.meta.dirname, `../../public/models/${TEACHER}.safetensors`);

const distil = (name: string, ...args: string[]) => [
  'distil',
  '--teacher',
  TEACHER,
  '--data',
  DATA,
  '--backend',
  'wasm',
  // The teacher's own encoder judges a third faster here than the default's features, and learns sooner.
  '--preset',
  'small-encoder',
  '--out',
  join(out, `${name}.safetensors`),
  '--log',
  join(out, `${name}.jsonl`),
  '--json',
  // Measured only where the test says so: real images through a feature network take a quarter of a minute.
  ...(args.includes('--measure-images') ? [] : ['--measure-images', '0']),
  ...args,
];
const log = (name: string): Record<string, number>[] =>
  readFileSync(join(out, `${name}.jsonl`), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
const withoutSpeed = (points: Record<string, number>[]) =>
  points.map(({ imagesPerSecond: _, ...rest }) => rest);
const tensors = (name: string) => readSafetensors(fileSource(join(out, `${name}.safetensors`))).tensors;

describe('a run', () => {
  it('interrupted and resumed equals one that was not, bit for bit', () => {
    expect(innate(...distil('whole', '--images', '32', '--batch', '8')).status).toBe(0);
    expect(innate(...distil('half', '--images', '16', '--batch', '8')).status).toBe(0);
    const resumed = innate(
      ...distil('half', '--images', '32', '--batch', '8', '--resume', join(out, 'half.safetensors.state')),
    );
    expect(resumed.status, resumed.stderr).toBe(0);
    expect(withoutSpeed(log('half'))).toEqual(withoutSpeed(log('whole')));
    const whole = tensors('whole');
    for (const [name, ref] of tensors('half'))
      expect(readFloat32(ref), name).toEqual(readFloat32(whole.get(name)!));
    const [point] = log('whole');
    expect(point).toMatchObject({ iteration: 1, images: 8 });
    for (const key of ['lossG', 'lossD', 'logitsReal', 'logitsFake', 'imagesPerSecond'])
      expect(point![key]).toEqual(expect.any(Number));
  });

  it('leaves frozen tensors bit-identical to the teacher and moves the others', () => {
    const { config, weights } = openModel(fileSource(teacherFile));
    const frozen = new Set(gddIFrozen(config.unet));
    let moved = 0;
    for (const [name, ref] of tensors('whole')) {
      const [student, teacher] = [readFloat32(ref), weights.read(name)];
      const equal = student.every((v, i) => v === teacher[i]);
      if (frozen.has(name)) expect(equal, name).toBe(true);
      else if (!equal) moved++;
    }
    expect(moved).toBeGreaterThan(100);
    const { metadata } = readSafetensors(fileSource(join(out, 'whole.safetensors')));
    expect(metadata.get('precond')).toBe('EDMPrecond');
    expect(metadata.has('delta_of')).toBe(false);
  });

  it('goes on from a student', () => {
    const args = distil('onwards', '--images', '8', '--batch', '8', '--student', 'fashion-mnist-32x32-gdd-i');
    expect(innate(...args).status).toBe(0);
    expect(log('onwards')[0]!.lossG).not.toBe(log('whole')[0]!.lossG);
  });

  it('that diverges stops, names the way back, and its saved state is good', () => {
    const result = innate(...distil('wild', '--images', '200', '--batch', '8', '--generator-rate', '1e12'));
    expect(result.status).toBe(1);
    expect(result.stderr).toMatch(/not a number.*--resume .*wild\.safetensors\.state --generator-rate/);
    const state = readSafetensors(fileSource(join(out, 'wild.safetensors.state')));
    for (const [name, ref] of state.tensors) expect(readFloat32(ref).every(Number.isFinite), name).toBe(true);
    expect(existsSync(join(out, 'wild.safetensors'))).toBe(false);
    const again = innate(
      ...distil(
        'wild',
        '--images',
        '8',
        '--batch',
        '8',
        '--generator-rate',
        '1e-4',
        '--resume',
        join(out, 'wild.safetensors.state'),
      ),
    );
    expect(again.status, again.stderr).toBe(0);
  });

  it('saves on Ctrl-C and says how to go on', async () => {
    const child = startInnate(...distil('stopped', '--images', '100000', '--batch', '4'));
    let stderr = '';
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    while (!existsSync(join(out, 'stopped.jsonl'))) await new Promise((resolve) => setTimeout(resolve, 100));
    child.kill('SIGINT');
    const code = await new Promise((resolve) => child.once('exit', resolve));
    expect(code).toBe(0);
    expect(stderr).toContain(`--resume ${join(out, 'stopped.safetensors.state')}`);
    expect(existsSync(join(out, 'stopped.safetensors'))).toBe(true);
  });

  it('imitation regresses the teacher instead', () => {
    const result = innate(...distil('imitation', '--method', 'imitation', '--images', '8', '--batch', '4'));
    expect(result.status, result.stderr).toBe(0);
    expect(log('imitation').at(-1)).toMatchObject({ lossD: null });
  });
});

describe('bad input', () => {
  const cases: [string, string[], RegExp][] = [
    ['no data', ['--data', join(out, 'nothing.zip')], /no such data set/],
    [
      'other classes',
      ['--data', join(import.meta.dirname, '../../public/data/afhq-cat-64x64.zip')],
      /other classes/,
    ],
    ['a state that is none', ['--resume', teacherFile], /not the state of a distillation/],
  ];
  it.each(cases)('%s', (_name, extra, message) => {
    const result = innate(...distil('bad', '--images', '8', '--batch', '4', ...extra));
    expect(result.status).toBe(1);
    expect(result.stderr).toMatch(message);
  });
});

it('a student sharpens: its Fréchet distance falls clearly below the teacher at one step', () => {
  const args = distil(
    'learns',
    '--images',
    '256',
    '--batch',
    '32',
    '--measure-images',
    '200',
    '--measure-every',
    '128',
    '--generator-rate',
    '1e-3',
    '--discriminator-rate',
    '2e-3',
  );
  const result = innate(...args);
  expect(result.status, result.stderr).toBe(0);
  const start = innate(
    'evaluate',
    TEACHER,
    '--data',
    DATA,
    '--count',
    '200',
    '--reference',
    '1000',
    '--json',
    '--backend',
    'wasm',
  );
  const blur = JSON.parse(start.stdout).value as number;
  const { best } = JSON.parse(result.stdout);
  expect(blur).toBeGreaterThan(10);
  expect(best.frechet.value).toBeLessThan(0.5 * blur);
  expect(best.frechet.spread).toBeGreaterThan(0.4);
  const points = log('learns');
  // The discriminator starts undecided (2 ln 2 a scale) and learns to tell the blur from real clothes.
  expect(points.at(-1)!.logitsReal! - points.at(-1)!.logitsFake!).toBeGreaterThan(
    points[0]!.logitsReal! - points[0]!.logitsFake!,
  );
}, 900_000);
