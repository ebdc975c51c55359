import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fileSource } from '../../cli/files';
import { readFloat32 } from '../../src/formats/tensor';
import { frechetDistance } from '../../src/measure/frechet';
import { featureStatistics } from '../../src/measure/moments';
import type { MeasureReport } from '../../src/protocol/measure';
import { innate, innateBeside, scratch } from '../support/cli';
import { FIXTURES } from '../support/fixtures';
import { readNpz } from '../support/npz';

const MODEL = join(FIXTURES, 'parity/ncsnpp-16-grey-ve.pkl');
const DATA = join(import.meta.dirname, '../../public/data/fashion-mnist-32x32.zip');
const folder = scratch();
const saved = join(folder, 'features.npz');

const evaluate = (...args: string[]) => innate('evaluate', ...args, '--backend', 'wasm', '--json');
const found = (...args: string[]): MeasureReport & Record<string, unknown> => {
  const { status, stdout, stderr } = evaluate(...args);
  expect(status, stderr + stdout).toBe(0);
  return JSON.parse(stdout);
};

describe('innate evaluate', () => {
  const sizes = ['--count', '66', '--reference', '90'];
  const whole = found(MODEL, '--data', DATA, ...sizes, '--save-features', saved);

  it('gives every number that needs no file, with error and floor', () => {
    expect(Object.keys(whole.metrics)).toEqual(['fid', 'kid', 'precision', 'recall']);
    for (const { value, error, floor } of Object.values(whole.metrics)) {
      expect(Number.isFinite(value)).toBe(true);
      expect(error).toBeGreaterThanOrEqual(0);
      expect(Number.isFinite(floor)).toBe(true);
    }
    expect(whole.metrics.fid!.value).toBeGreaterThan(5 * whole.metrics.fid!.floor!);
    expect(whole).toMatchObject({
      n: 66,
      read: 156,
      skipped: 0,
      features: 'ResNet-56 trained on CIFAR-10, 64 features',
      reference: '90 images of fashion-mnist-32x32.zip, drawn at random (seed 0)',
      // As it was before there were other numbers.
      metric: 'frechet',
      value: whole.metrics.fid!.value,
      floor: whole.metrics.fid!.floor,
      nfe: 1,
    });
  });

  it('writes the vectors that the numbers are of', () => {
    const arrays = readNpz(fileSource(saved));
    const [features, reference] = ['features', 'reference'].map((name) => readFloat32(arrays.get(name)!));
    expect([features!.length, reference!.length]).toEqual([66 * 64, 90 * 64]);
    const distance = frechetDistance(featureStatistics(features!, 64), featureStatistics(reference!, 64));
    expect(whole.metrics.fid!.value).toBeCloseTo(distance, 10);
    expect(arrays.get('sigma')).toMatchObject({ dtype: 'f64', shape: [64, 64] });
  });

  it("measures any program's images: the same of an archive as of the model that made them", () => {
    const images = join(folder, 'images.npz');
    expect(innate('generate', MODEL, '--seeds', '0-65', '--out', images, '--backend', 'wasm').status).toBe(0);
    const real = ['--data', DATA, '--reference', '90'];
    const vectors = (...args: string[]) => {
      const path = join(folder, 'other.npz');
      const report = found(...args, ...real, '--save-features', path);
      return { report, features: readFloat32(readNpz(fileSource(path)).get('features')!) };
    };
    const { report: other, features } = vectors(images, '--metrics', 'fid,pr');
    expect(Object.keys(other.metrics)).toEqual(['fid', 'precision', 'recall']);
    // Of the model with the classes that the seeds draw, as `generate` has them; without a protocol they come in turn.
    const model = vectors(MODEL, '--count', '66', '--protocol', 'edm', '--metrics', 'fid').features;
    expect(model.subarray(0, features.length)).toEqual(features);
    expect(other).toMatchObject({ n: 66, images: 'images.npz' });

    // The model's own statistics as the reference: nothing lies between.
    const itself = found(images, '--data', saved);
    expect(Object.keys(itself.metrics)).toEqual(['fid']);
    expect(itself.metrics.fid).toMatchObject({ value: expect.closeTo(0, 1), floor: null });
    const refused = evaluate(images, '--data', saved, '--metrics', 'kid');
    expect(refused.status).toBe(1);
    expect(refused.stderr).toContain('mean and covariance are not enough');
    const others = evaluate(images, '--data', saved, '--features', 'mobilenet');
    expect(others.stderr).toContain('the statistics are of other features');
  });

  it('says what a metric needs', () => {
    const score = evaluate(MODEL, '--data', DATA, '--metrics', 'is');
    expect(score.stderr).toContain('needs the Inception network');
    expect(score.stderr).toContain('pt_inception-2015-12-05');
    const unknown = evaluate(MODEL, '--data', DATA, '--features', 'vgg');
    expect(unknown.status).toBe(2);
    expect(unknown.stderr).toContain('inception:FILE');
    const another = evaluate(MODEL, '--data', DATA, '--features', `inception:${MODEL}`);
    expect(another.stderr).toContain('not the Inception network of FID');
  });
});

it('a run that is killed goes on behind its last block, to the same numbers', async () => {
  const vectors = join(scratch(), 'vectors.npz');
  const args = ['evaluate', MODEL, '--data', DATA, '--count', '210', '--reference', '20', '--metrics', 'fid'];
  const all = [...args, '--backend', 'wasm', '--save-features', vectors];
  const cache = join(scratch(), 'cache');
  const kept = () => {
    const measure = join(cache, 'measure');
    if (!existsSync(measure)) return [];
    return readdirSync(measure).flatMap((name) => readdirSync(join(measure, name)));
  };
  const killed = innateBeside(cache, ...all);
  // The real images' blocks come first: 230 images are two of them.
  while (kept().filter((name) => name.endsWith('.safetensors')).length < 3) {
    expect(killed.child.exitCode, killed.said.stderr).toBeNull();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  killed.child.kill('SIGKILL');
  await killed.end;
  const resumed = await innateBeside(cache, ...all).end;
  expect(resumed.status, resumed.stderr).toBe(0);
  expect(resumed.stderr).toContain('going on from 200 images');
  expect(kept()).toEqual([]);
  const bytes = readFileSync(vectors);
  const again = await innateBeside(cache, ...all).end;
  expect(again.stderr).not.toContain('going on');
  expect(resumed.stdout).toBe(again.stdout);
  expect(readFileSync(vectors).equals(bytes)).toBe(true); // every vector to the bit
});
