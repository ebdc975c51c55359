import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { InspectionJson } from '../../src/lib/activations';
import { innate, scratch } from '../support/cli';
import { FIXTURES } from '../support/fixtures';

const folder = scratch();
const NET = join(FIXTURES, 'mini/mini-ncsnpp-16-cond.pkl');
const inspect = (name: string, ...args: string[]) => {
  const out = join(folder, `${name}.json`);
  const result = innate('inspect', NET, '--backend', 'wasm', '--out', out, ...args);
  expect(result.status, result.stderr).toBe(0);
  return JSON.parse(readFileSync(out, 'utf8')) as InspectionJson;
};

test('the plain form: rms of every block, per sigma and per sample', () => {
  const json = inspect('plain', '--sigmas', '80,1', '--seeds', '0-2');
  expect(json.sigmas).toEqual([80, 1]);
  for (const block of json.blocks) {
    expect(Object.keys(block)).toEqual(['name', 'resolution', 'channels', 'rms', 'rmsPerSample']);
    expect(block.rmsPerSample.map((s) => s.length)).toEqual([3, 3]);
    block.rms.forEach((mean, level) => {
      const own = block.rmsPerSample[level]!;
      expect(mean).toBeCloseTo(own.reduce((a, b) => a + b, 0) / own.length, 6);
    });
  }
});

test('everything: quantities, parts, spectra, the network beside itself', () => {
  const json = inspect(
    'all',
    ...['--sigmas', 'heun:4', '--seeds', '0-1', '--input', 'trajectory', '--quantities', 'all'],
    ...['--parts', '--spectra', '--student', NET, '--examples', '8', '--digits', '5'],
  );
  const block = json.blocks.find((b) => b.entropy)!;
  expect(block.change![0]).toBeNull(); // there is no level before the first
  expect(block.change![1]).toBeGreaterThan(0);
  expect(block.residual).toHaveLength(4);
  expect(block.parts!.map((p) => p.name.slice(block.name.length + 1))).toContain('qkv');
  expect(block.spectrum![0]).toHaveLength(block.resolution / 2 + 1);
  expect(json.image!.spectrum[3]).toHaveLength(9);
  expect(json.input).toBe('trajectory');
  const { likeness, layers, blocks } = json.student!;
  expect(likeness.examples).toBe(8);
  likeness.cka.forEach(([at80]) => void expect(at80 ?? 1).toBeGreaterThan(0.9));
  expect(layers.every((l) => l.change === 0 || l.change === null)).toBe(true);
  expect(blocks.map((b) => b.name)).toEqual(json.blocks.map((b) => b.name));
});

test('what cannot be measured is refused with what to do', () => {
  const fails = (...args: string[]) => {
    const result = innate('inspect', NET, '--out', join(folder, 'no.json'), ...args);
    expect(result.status).not.toBe(0);
    return result.stderr;
  };
  expect(fails('--sigmas', '1', '--input', 'noised')).toMatch(/--data/);
  expect(fails('--sigmas', '1,80', '--quantities', 'change')).toMatch(/go down/);
  expect(fails('--sigmas', '1', '--quantities', 'colour')).toMatch(/rms, residual/);
  expect(fails('--sigmas', 'heun:0')).toMatch(/positive/);
});
