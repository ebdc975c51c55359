import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fileSource } from '../../cli/files';
import { frozenBy } from '../../src/distil/freeze';
import { openModel } from '../../src/engine/models/open-model';
import { readSafetensors } from '../../src/formats/safetensors';
import { readFloat32 } from '../../src/formats/tensor';
import { innate, startInnate } from '../support/cli';
import { clothesRuns } from './clothes-runs';

/** What `innate distil` does with a run: it goes on, stops, fails and is refused. */
const { out, teacherFile, distil, log } = clothesRuns();
const withoutSpeed = (points: Record<string, number>[]) =>
  points.map(({ imagesPerSecond: _, ...rest }) => rest);
const tensors = (name: string) => readSafetensors(fileSource(join(out, `${name}.safetensors`))).tensors;

describe('a run', { timeout: 600_000 }, () => {
  it('interrupted and resumed equals one that was not, bit for bit', () => {
    expect(innate(...distil('whole', '--images', '16', '--batch', '4')).status).toBe(0);
    expect(innate(...distil('half', '--images', '8', '--batch', '4')).status).toBe(0);
    const resumed = innate(
      ...distil('half', '--images', '16', '--batch', '4', '--resume', join(out, 'half.safetensors.state')),
    );
    expect(resumed.status, resumed.stderr).toBe(0);
    expect(withoutSpeed(log('half'))).toEqual(withoutSpeed(log('whole')));
    const whole = tensors('whole');
    for (const [name, ref] of tensors('half'))
      expect(readFloat32(ref), name).toEqual(readFloat32(whole.get(name)!));
    const [point] = log('whole');
    expect(point).toMatchObject({ iteration: 1, images: 4 });
    for (const key of ['lossG', 'lossD', 'logitsReal', 'logitsFake', 'imagesPerSecond'])
      expect(point![key]).toEqual(expect.any(Number));
  });

  it('leaves frozen tensors bit-identical to the teacher and moves the others', () => {
    const { config, weights } = openModel(fileSource(teacherFile));
    const frozen = new Set(frozenBy(1, config.unet));
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
    const args = distil('onwards', '--images', '4', '--batch', '4', '--student', 'fashion-mnist-32x32-gdd-i');
    expect(innate(...args).status).toBe(0);
    expect(log('onwards')[0]!.lossG).not.toBe(log('whole')[0]!.lossG);
  });

  it('that diverges stops, names the way back, and its saved state is good', () => {
    const result = innate(...distil('wild', '--images', '100', '--batch', '4', '--generator-rate', '1e12'));
    expect(result.status).toBe(1);
    expect(result.stderr).toMatch(/not a number.*--resume .*wild\.safetensors\.state --generator-rate/);
    const state = readSafetensors(fileSource(join(out, 'wild.safetensors.state')));
    for (const [name, ref] of state.tensors) expect(readFloat32(ref).every(Number.isFinite), name).toBe(true);
    expect(existsSync(join(out, 'wild.safetensors'))).toBe(false);
    const again = innate(
      ...distil(
        'wild',
        '--images',
        '4',
        '--batch',
        '4',
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

  it('of consistency distillation goes on with its target, and is a consistency model', () => {
    const cd = (name: string, images: string, ...rest: string[]) =>
      innate(
        ...distil(name, '--method', 'cd', '--images', images, '--batch', '2', '--generator-rate', '1e-2'),
        ...rest,
      );
    expect(cd('consistent', '6').status).toBe(0);
    expect(cd('parted', '4').status).toBe(0);
    const resumed = cd('parted', '6', '--resume', join(out, 'parted.safetensors.state'));
    expect(resumed.status, resumed.stderr).toBe(0);
    expect(withoutSpeed(log('parted'))).toEqual(withoutSpeed(log('consistent')));
    const { metadata } = readSafetensors(fileSource(join(out, 'parted.safetensors')));
    expect(metadata.get('precond')).toBe('GDDPrecond');
    expect(metadata.get('method')).toBe('cd');
    const other = cd(
      'parted',
      '8',
      '--resume',
      join(out, 'parted.safetensors.state'),
      '--instance-loss',
      'lite0',
    );
    expect(other.status).toBe(1);
    expect(other.stderr).toMatch(/--instance-loss l2/);
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
