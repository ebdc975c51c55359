import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openDataset } from '../../src/data';
import { decoders, file, PUBLIC_DATA } from './helpers';

interface Pack {
  id: string;
  name: string;
  path: string;
  bytes: number;
  sha256: string;
  images: number;
  resolution: number;
  channels: number;
  classes: string[] | null;
  licence: string;
  source: string;
}

const index = JSON.parse(readFileSync(join(PUBLIC_DATA, 'index.json'), 'utf8')) as {
  version: number;
  packs: Pack[];
};

describe.each(index.packs.map((pack) => [pack.id, pack] as const))('sample pack %s', (_, pack) => {
  test('is the file that the index describes, and its licence stands beside it', () => {
    const data = readFileSync(join(PUBLIC_DATA, pack.path));
    expect(createHash('sha256').update(data).digest('hex')).toBe(pack.sha256);
    expect(data.length).toBe(pack.bytes);
    const licences = readFileSync(join(PUBLIC_DATA, 'LICENCES.md'), 'utf8');
    expect(licences).toContain(`## ${pack.path}`);
    expect(licences).toContain(pack.licence);
  });

  test('every image can be read', async () => {
    const set = await openDataset(file(PUBLIC_DATA, pack.path), { decoders: decoders });
    expect([set.size, set.resolution, set.channels]).toEqual([pack.images, pack.resolution, pack.channels]);
    expect(set.classes).toEqual(pack.classes);
    expect(set.labelDim).toBe(pack.classes?.length ?? 0);
    const counts = new Map<number | null, number>();
    for (let i = 0; i < set.size; i++) {
      const { label } = (await set.read(i))!;
      counts.set(label, (counts.get(label) ?? 0) + 1);
    }
    expect(set.skipped).toEqual([]);
    expect(counts.size).toBe(pack.classes?.length ?? 1);
    expect(new Set(counts.values()).size).toBe(1);
  });
});

test('the packs stay small', () => {
  const total = index.packs.reduce((sum, { path }) => sum + statSync(join(PUBLIC_DATA, path)).size, 0);
  expect(total).toBeLessThan(6 * 2 ** 20);
});
