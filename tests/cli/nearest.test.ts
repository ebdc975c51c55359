import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { RandomStream } from '../../src/distil/random';
import { writeNpz } from '../../src/formats/npz';
import { innate, innateBeside, scratch } from '../support/cli';
import { FIXTURES } from '../support/fixtures';

const folder = scratch();
const R = 16;
const SIZE = R * R;

const WAVES = 12;

/** Images of a dozen waves with drawn heights each: no two are near each other. */
function waves(seed: number, count: number): Uint8Array {
  const heights = new RandomStream(seed, 'r1', 0).normals(count * WAVES);
  return Uint8Array.from({ length: count * SIZE }, (_, at) => {
    const [n, y, x] = [Math.floor(at / SIZE), Math.floor((at % SIZE) / R), at % R];
    let value = 127;
    for (let k = 0; k < WAVES; k++)
      value += 14 * heights[n * WAVES + k]! * Math.cos(0.4 * ((k % 4) * x + Math.floor(k / 4) * y) + k);
    return Math.min(255, Math.max(0, value));
  });
}

function archive(name: string, images: Uint8Array): string {
  const path = join(folder, name);
  const shape = [images.length / SIZE, R, R, 1];
  writeFileSync(path, writeNpz({ images: { dtype: 'u8', shape, data: images } }));
  return path;
}

const training = waves(1, 320);
const set = archive('training.npz', training);
const noise = new RandomStream(2, 'r1', 0).normals(24 * SIZE);
const copycat = archive(
  'copycat.npz',
  training.slice(40 * SIZE, 64 * SIZE).map((v, i) => Math.min(255, Math.max(0, v + 1.5 * noise[i]!))),
);

const look = (images: string, out: string, ...more: string[]) => {
  const args = [images, '--data', set, '--seeds', '0-23', '--out', join(folder, out), ...more];
  const { status, stdout, stderr } = innate('nearest', ...args, '--backend', 'wasm', '--json');
  expect(status, stderr + stdout).toBe(0);
  return JSON.parse(stdout);
};

it.each(['pixels', 'resnet56'])('a copycat is caught in %s, each image with its source', (features) => {
  const found = look(copycat, `${features}.png`, '--features', features);
  expect(found).toMatchObject({ copying: true, searched: 320, heldOut: 320, skipped: 0 });
  const right = found.images.filter(
    (image: { nearest: { index: number }[] }, i: number) => image.nearest[0]!.index === i + 40,
  );
  expect(right.length).toBeGreaterThan(20);
  if (features === 'pixels') {
    expect(found.suspects).toBe(24);
    expect(found.images[0].nearest[0].distance).toBeCloseTo(1.5, 0);
  }
  const png = readFileSync(join(folder, `${features}.png`));
  // Two columns of twelve: an image and four others each.
  expect([png.readUInt32BE(16), png.readUInt32BE(20)]).toEqual([1464, 2356]);
});

it('images of the same kind that are no copies are none', () => {
  const others = archive('others.npz', waves(3, 24));
  const found = look(others, 'others.png', '--features', 'pixels');
  expect(found.copying).toBe(false);
  expect(found.suspects).toBeLessThan(4);
});

it('a model: its seeds, and features of the training set that stay for the next one', async () => {
  const cache = join(scratch(), 'cache');
  const model = join(FIXTURES, 'parity/ncsnpp-16-grey-ve.pkl');
  const out = join(folder, 'model.png');
  const args = ['nearest', model, '--data', set, '--seeds', '3,5', '--features', 'resnet56', '--out', out];
  const first = await innateBeside(cache, ...args, '--backend', 'wasm', '--json').end;
  expect(first.status, first.stderr).toBe(0);
  expect(JSON.parse(first.stdout).images.map((i: { seed: number }) => i.seed)).toEqual([3, 5]);
  const kept = readdirSync(join(cache, 'measure')).flatMap((n) => readdirSync(join(cache, 'measure', n)));
  expect(kept.sort()).toEqual(['00000000-00000200.safetensors', '00000200-00000320.safetensors']);
  expect(existsSync(out)).toBe(true);
  const refused = innate('nearest', model, '--data', set, '--out', join(folder, 'sheet.npz'));
  expect(refused.stderr).toContain('a name ending in .png');
});
