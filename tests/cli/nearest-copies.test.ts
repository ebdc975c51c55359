import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { openImages } from '../../cli/data';
import { writeAtomic } from '../../cli/files';
import { RandomStream } from '../../src/distil/random';
import { writeNpz } from '../../src/formats/npz';
import { innate, scratch } from '../support/cli';

const PACK = join(import.meta.dirname, '../../public/data/fashion-mnist-32x32.zip');
const TRAINING = 150;
const MADE = 24;
const folder = scratch();
const path = (name: string) => join(folder, name);

/** Copies of image i + 7, brighter and noisy as a generator that repeats its training set makes them. */
function copied(images: Uint8Array[]): Uint8Array[] {
  const noise = new RandomStream(5, 'r1', 0).normals(MADE * images[0]!.length);
  return Array.from({ length: MADE }, (_, i) =>
    images[i + 7]!.map((v, j) => Math.min(255, Math.max(0, v + 2 + 2 * noise[i * images[0]!.length + j]!))),
  );
}

async function archive(name: string, images: Uint8Array[]): Promise<void> {
  const side = Math.sqrt(images[0]!.length);
  const data = new Uint8Array(images.length * side ** 2);
  for (const [i, image] of images.entries()) data.set(image, i * side ** 2);
  await writeAtomic(path(name), [
    writeNpz({ images: { dtype: 'u8', shape: [images.length, side, side, 1], data } }),
  ]);
}

interface Found {
  copying: boolean;
  suspects: number;
  images: {
    seed: number;
    suspect: boolean;
    nearest: { index: number; distance: number }[];
    inPixels?: { near: { index: number } };
  }[];
}

function nearest(images: string, features: string): Found {
  const { status, stdout, stderr } = innate(
    'nearest',
    path(images),
    ...['--data', path('training.npz'), '--seeds', `0-${MADE - 1}`, '--features', features],
    ...['--out', path('sheet.png'), '--backend', 'wasm', '--json'],
  );
  expect(status, stderr).toBe(0);
  return JSON.parse(stdout);
}

beforeAll(async () => {
  const pack = await openImages(PACK);
  const images: Uint8Array[] = [];
  for (let i = 0; i < TRAINING + MADE; i++) images.push(Uint8Array.from((await pack.read(i))!.pixels));
  await archive('training.npz', images.slice(0, TRAINING));
  await archive('copies.npz', copied(images));
  await archive('others.npz', images.slice(TRAINING));
});

describe.each(['resnet56', 'lite0', 'pixels'])('innate nearest, by %s', (features) => {
  it('catches a generator that makes its training images, and names the source of each', () => {
    const { copying, suspects, images } = nearest('copies.npz', features);
    expect(copying).toBe(true);
    expect(suspects).toBeGreaterThan(MADE / 6);
    const sources = images.map(({ seed }) => seed + 7);
    // With noise a copy's features of ResNet-56 may be nearer to another image's; its pixels are not.
    if (features !== 'resnet56') expect(images.map(({ nearest: [first] }) => first!.index)).toEqual(sources);
    if (features !== 'pixels') expect(images.map(({ inPixels }) => inPixels!.near.index)).toEqual(sources);
    expect(readFileSync(path('sheet.png')).subarray(1, 4).toString()).toBe('PNG');
  });

  it('does not accuse images of the same kind that it has not seen', () => {
    const { copying, suspects } = nearest('others.npz', features);
    expect(copying).toBe(false);
    expect(suspects).toBeLessThan(4);
  });
});

it('says in words what it found, and never that there are no copies', () => {
  const args = ['--data', path('training.npz'), '--features', 'pixels', '--out', path('sheet.png')];
  const said = (images: string) => innate('nearest', path(images), ...args, '--backend', 'wasm').stdout;
  expect(said('copies.npz')).toContain('Sign of copying: ');
  expect(said('others.npz')).toContain('No sign of copying: ');
});
