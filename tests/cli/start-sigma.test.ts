import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fileSource } from '../../cli/files';
import { readSafetensors } from '../../src/formats/safetensors';
import { readFloat32 } from '../../src/formats/tensor';
import { innate, scratch } from '../support/cli';
import { FIXTURES, maxError, readGolden } from '../support/fixtures';

const out = scratch();
const latents = join(FIXTURES, 'parity/mini-ncsnpp-16-cond.golden.safetensors');
const golden = readGolden(latents);

/** A network whose name says that it is a SiDA student: nothing in such files does. */
const sida = join(out, 'cifar10_cond_sida_alpha1-293184.pkl');
copyFileSync(join(FIXTURES, 'mini/mini-ncsnpp-16-cond.pkl'), sida);

function run(file: string, ...flags: string[]) {
  const to = join(out, 'images.safetensors');
  const result = innate('run', file, '--latents', latents, '--out', to, '--backend', 'wasm', ...flags);
  expect(result.status, result.stderr).toBe(0);
  const { tensors, metadata } = readSafetensors(fileSource(to));
  const values = readFloat32(tensors.get('images')!);
  const at = (sigma: string) => maxError(values, golden.float(`output_sigma_${sigma}`));
  return { at, said: `${result.stdout}${result.stderr}`, sigma: metadata.get('sigma') };
}

describe('a model starts at its own sigma', () => {
  it('guessed from the name and said; --sigma decides', () => {
    const guessed = run(sida);
    expect(guessed.at('2.5')).toBeLessThanOrEqual(1e-4);
    expect(guessed.said).toMatch(/note: .*sigma 2\.5.*SiD.*--sigma 80/);
    expect(guessed.sigma).toBe('2.5');
    const asked = run(sida, '--sigma', '80');
    expect(asked.at('80')).toBeLessThanOrEqual(1e-4);
    expect(asked.said).not.toMatch(/SiD/);
  });

  it('convert writes it, and the copy keeps it under any name, still as a guess', () => {
    const copy = join(out, 'renamed.safetensors');
    const converted = innate('convert', sida, copy, '--dtype', 'f32', '--backend', 'wasm');
    expect(converted.status, converted.stderr).toBe(0);
    expect(converted.stdout).toContain('at sigma 2.5');
    expect(readSafetensors(fileSource(copy)).metadata.get('sigma')).toBe('2.5');
    const kept = run(copy);
    expect(kept.at('2.5')).toBeLessThanOrEqual(1e-4);
    // What convert guessed stays a guess.
    expect(kept.said).toMatch(/note: one step starts at sigma 2\.5, guessed from the name .+\.pkl/);
  });
});
