import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { writeAtomic } from '../../cli/files';
import { writeNpz } from '../../src/formats/npz';
import { writeSafetensors } from '../../src/formats/safetensors';
import type { WeightSource } from '../../src/nn/weights';
import { type CliResult, innateWith, type RunningInnate, scratch } from '../support/cli';
import { drawnWeights } from '../support/drawn';
import { FIXTURES, readGolden } from '../support/fixtures';
import { peakMemory, watchMemory } from '../support/peak-memory';
import { smallResNet } from '../support/small-resnet';

const wanted = process.env.INNATE_LONG_TESTS === '1';
if (!wanted)
  console.log(
    'skipped: memory and resumption of measuring 50,000 images, and 1,000 on Inception (INNATE_LONG_TESTS=1 runs it)',
  );

const SIDE = 32;
const size = 3 * SIDE ** 2;

/** Smooth pictures, each of its own. */
function pictures(count: number): Uint8Array {
  const images = new Uint8Array(count * size);
  for (let i = 0; i < images.length; i++) {
    const [n, at] = [Math.floor(i / size), i % size];
    images[i] =
      128 + 100 * Math.sin(n * 12.9898 + Math.floor(at / 96) * (1 + (n % 7)) * 0.2 + (at % 96) * 0.07);
  }
  return images;
}

const archive = (path: string, count: number) =>
  writeAtomic(path, [
    writeNpz({ images: { dtype: 'u8', shape: [count, SIDE, SIDE, 3], data: pictures(count) } }),
  ]);

const fileOf = (source: WeightSource) =>
  writeSafetensors({
    tensors: new Map(
      [...source.names()].map((name) => {
        const values = source.read(name);
        return [
          name,
          { dtype: 'f32' as const, shape: source.shape(name)!, bytes: () => new Uint8Array(values.buffer) },
        ];
      }),
    ),
  });

const saidBy = ({ status, stdout, stderr }: CliResult): string => {
  expect(status, stderr).toBe(0);
  return stdout;
};

/** Resolves once so many blocks of features are kept. */
async function untilBlocks(cache: string, blocks: number, { child, said }: RunningInnate): Promise<void> {
  const kept = () => {
    const measure = join(cache, 'measure');
    if (!existsSync(measure)) return 0;
    return readdirSync(measure)
      .flatMap((name) => readdirSync(join(measure, name)))
      .filter((name) => /^\d.*s$/.test(name)).length;
  };
  while (kept() < blocks) {
    expect(child.exitCode, said.stderr).toBeNull();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** A process killed behind that many blocks, and the same command after it. */
async function killedAndResumed(run: () => RunningInnate, cache: string, blocks: number) {
  const killed = run();
  await untilBlocks(cache, blocks, killed);
  killed.child.kill('SIGKILL');
  await killed.end;
  const resumed = await run().end;
  expect(resumed.stderr).toMatch(/going on from [\d,]+ images/);
  return saidBy(resumed);
}

/** A command line with a small ResNet in the place of its ResNet-56: beside its bundle the feature networks are looked for. */
function innateOfSmallNets(cache: string) {
  const innate = innateWith({ 'index.json': { version: 1, models: [] } }, { INNATE_CACHE: cache });
  const features = join(innate.folder, 'public/features');
  mkdirSync(features);
  writeFileSync(join(features, 'cifar10-resnet56.safetensors'), Buffer.concat([...fileOf(smallResNet())]));
  return innate;
}

describe.runIf(wanted)('innate evaluate', () => {
  const timeout = 3_600_000;

  it('50,000 images: bounded memory, and a killed run ends with the same bits', { timeout }, async () => {
    const folder = scratch();
    const [images, real, vectors] = ['images', 'real', 'vectors'].map((name) =>
      join(folder, `${name}.npz`),
    ) as [string, string, string];
    await archive(images, 50_000);
    await archive(real, 1000);
    const innate = innateOfSmallNets(folder);
    const run = () =>
      innate(['evaluate', images, '--data', real, '--backend', 'wasm', '--save-features', vectors]);
    const whole = run();
    await untilBlocks(folder, 55, whole); // five blocks of real images, 10,000 images
    const early = peakMemory(whole.child.pid!);
    const memory = watchMemory(whole.child.pid!);
    const found = saidBy(await whole.end);
    const last = memory.stop();
    const written = readFileSync(vectors);
    console.log(
      `peak memory: ${(early / 1e6).toFixed(0)} MB at 10,000 images, ${(last / 1e6).toFixed(0)} MB at the end`,
    );
    expect(found).toContain('n 50,000');
    expect(early).toBeGreaterThan(40e6);
    expect(last).toBeLessThan(256e6);
    expect(await killedAndResumed(run, folder, 105)).toBe(found);
    expect(readFileSync(vectors).equals(written)).toBe(true);
  });

  it('1,000 images on Inception: a killed run ends with the same bits', { timeout }, async () => {
    const folder = scratch();
    const [images, vectors, weights] = ['images.npz', 'vectors.npz', 'inception.safetensors'].map((name) =>
      join(folder, name),
    ) as [string, string, string];
    await archive(images, 1000);
    const golden = readGolden(join(FIXTURES, 'method/measure.golden.safetensors'));
    const shapes = JSON.parse(golden.metadata.get('shapes')!);
    writeFileSync(weights, Buffer.concat([...fileOf(drawnWeights(shapes, 29))]));
    const innate = innateOfSmallNets(folder);
    const how = ['--reference', '100', '--features', `inception:${weights}`, '--save-features', vectors];
    const run = () => innate(['evaluate', images, '--data', images, ...how, '--backend', 'wasm']);
    const found = saidBy(await run().end);
    const written = readFileSync(vectors);
    expect(found).toMatch(/FID [\d.]+ .*\nKID .*\nInception score .*\nPrecision .*\nRecall /);
    expect(await killedAndResumed(run, folder, 8)).toBe(found);
    expect(readFileSync(vectors).equals(written)).toBe(true);
  });
});
