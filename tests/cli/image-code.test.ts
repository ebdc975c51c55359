import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { decodePng } from '../../src/data/image/png';
import { imageCode } from '../../src/state/export/code';
import type { Recipe } from '../../src/state/generate/images';
import { findModel, parseCatalogue } from '../../src/storage/catalogue';
import { pythonCommand, pythonRuns } from '../support/python';

/** What "Code for this" shows is run: the command line's image and PyTorch's are the same. */

const ROOT = join(import.meta.dirname, '../..');
const CLOTHES = findModel(
  parseCatalogue(readFileSync(join(ROOT, 'public/models/index.json'), 'utf8')),
  'fashion-mnist-32x32-gdd-i',
);
/** As the page knows it: what the model itself says is left out of a line. */
const MODEL = {
  key: CLOTHES.id,
  name: 'Clothes',
  resolution: 32,
  channels: 1,
  labelDim: 10,
  sigma: CLOTHES.sigma ?? 80,
  sigmaMid: null,
};
const RECIPE: Recipe = {
  modelKey: MODEL.key,
  model: MODEL.name,
  seed: 7,
  noise: 'seed',
  classIndex: 3,
  mix: [],
  className: null,
  sigma: MODEL.sigma,
  temperature: 1,
  sigmaMid: null,
  evaluations: 1,
  sampler: 'one-step',
};
const CASES: [name: string, recipe: Recipe][] = [
  ['one step', RECIPE],
  ['from another noise level', { ...RECIPE, sigma: 1.2 }],
  [
    'a fraction of a seed, mixed classes and a temperature',
    { ...RECIPE, seed: 12.3, mix: [{ index: 8, weight: 0.35 }], temperature: 0.9 },
  ],
  ['two steps', { ...RECIPE, sampler: 'two-step', sigmaMid: 0.8, evaluations: 2, sigma: 40 }],
  ['Heun', { ...RECIPE, sampler: 'heun', evaluations: 11 }],
];

const hasTorch = pythonRuns('import torch, numpy, PIL');
if (!hasTorch) console.log('skipped: PyTorch lines of an image, no Python with torch, numpy and Pillow');

const folder = mkdtempSync(join(tmpdir(), 'innate-code-'));
afterAll(() => rmSync(folder, { recursive: true }));

function run(command: string, args: readonly string[], cwd: string): void {
  const env = { ...process.env, PYTHONPATH: join(ROOT, 'training') };
  const { status, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8', env });
  expect(status, stderr).toBe(0);
}

const innate = (line: string, cwd: string) =>
  run(
    'sh',
    ['-c', line.replace('npx innate', `'${process.execPath}' '${join(ROOT, 'build/cli/innate.mjs')}'`)],
    cwd,
  );

const picture = (path: string) => [...decodePng(new Uint8Array(readFileSync(path)), path).data];

/** One process for all: PyTorch takes longer to load than to run. */
const RUN_ALL = `
import os, runpy, sys
for folder in sys.argv[1:]:
    os.chdir(folder)
    runpy.run_path("code.py")
`;

test.runIf(hasTorch)('what is shown makes the same image, on the command line and in PyTorch', () => {
  const folders = CASES.map(([name]) => join(folder, name));
  const ours = CASES.map(([, recipe], i) => {
    const { commandLine, python } = imageCode(recipe, MODEL);
    mkdirSync(folders[i]!);
    innate(commandLine!, folders[i]!);
    const path = join(folders[i]!, `seed-${recipe.seed}.png`);
    const made = picture(path);
    rmSync(path);
    writeFileSync(join(folders[i]!, 'code.py'), python!);
    const weights = `${MODEL.key}.safetensors`;
    if (i === 0) innate(python!.match(/# (npx innate convert .*)/)![1]!, folders[0]!);
    else copyFileSync(join(folders[0]!, weights), join(folders[i]!, weights));
    return made;
  });
  run(pythonCommand, ['-c', RUN_ALL, ...folders], folder);
  for (const [i, [name, { seed }]] of CASES.entries()) {
    const theirs = picture(join(folders[i]!, `seed-${seed}.png`));
    expect(Math.max(...ours[i]!), name).toBeGreaterThan(64);
    expect(Math.max(...theirs.map((v, at) => Math.abs(v - ours[i]![at]!))), name).toBeLessThanOrEqual(1);
  }
});

test('an opened pickle is loaded with its own classes, and named without its folder', () => {
  const { commandLine, python } = imageCode(RECIPE, { ...MODEL, key: 'opened-1', name: 'my net.pkl' });
  expect(commandLine).toContain("npx innate generate 'my net.pkl' \\\n");
  expect(python).toContain('with open("my net.pkl", "rb") as f:\n    net = pickle.load(f)["ema"].eval()');
});

test('noise that no seed says is said to be so', () => {
  expect(imageCode({ ...RECIPE, noise: 'painted' }, MODEL)).toMatchObject({
    commandLine: null,
    python: null,
  });
});
