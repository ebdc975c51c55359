import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { keptArchive, keptFolder } from '../../../src/engine/export/archive';
import { openSession } from '../../../src/engine/export/sessions';
import { bufferSource } from '../../../src/formats/source';
import { openZip } from '../../../src/formats/zip';
import type { ImageLabel } from '../../../src/protocol/exports';
import { MemoryFiles } from '../../support/memory-files';

const SIDE = 4;
const spec = { kind: 'images', resolution: SIDE, channels: 3 } as const;
const label = (i: number): ImageLabel => ({
  path: `${String(i).padStart(6, '0')}.png`,
  text: { seed: `${i}` },
});
const pictures = (from: number, count: number) =>
  Uint8ClampedArray.from({ length: count * 4 * SIDE ** 2 }, (_, i) =>
    i % 4 === 3 ? 255 : (from * 31 + Math.floor(i / 4)) & 255,
  );

const one = async (session: Awaited<ReturnType<typeof openSession>>, i: number) =>
  session.add(pictures(i, 1), [label(i)]);

async function bytesOf(count: number, about = 'a'): Promise<Uint8Array> {
  const session = await openSession({ ...spec, about });
  for (let i = session.count; i < count; i++) await one(session, i);
  return new Uint8Array(await (await session.finish([['dataset.json', '{}']])).arrayBuffer());
}

let files: MemoryFiles;
beforeEach(() => {
  files = new MemoryFiles();
  files.install();
});
afterEach(() => vi.unstubAllGlobals());

describe('an archive of many images that the browser keeps', () => {
  test('goes on after its tab was closed, to the same bytes', async () => {
    const whole = await bytesOf(6);
    await (await openSession({ ...spec, about: 'other' })).close(true);
    const session = await openSession({ ...spec, about: 'a' });
    for (let i = 0; i < 4; i++) await one(session, i);
    await session.close(false);
    const folder = (await keptFolder())!;
    expect(await keptArchive(folder)).toMatchObject({ about: 'a', done: 4, whole: false });
    expect(await bytesOf(6)).toEqual(whole);
    expect(await keptArchive(folder)).toMatchObject({ done: 6, whole: true });
    expect(openZip(bufferSource(whole, 'images.zip')).map((e) => e.name)).toEqual([
      ...Array.from({ length: 6 }, (_, i) => label(i).path),
      'dataset.json',
    ]);
    // Opened once more, it has its images and nothing twice.
    expect(await bytesOf(6)).toEqual(whole);
  });

  test('of other settings takes its place', async () => {
    await bytesOf(3, 'a');
    const session = await openSession({ ...spec, about: 'b' });
    expect(session.count).toBe(0);
    await one(session, 7);
    await session.close(false);
    expect(await keptArchive((await keptFolder())!)).toMatchObject({ about: 'b', done: 1 });
  });

  test('leaves nothing where it is cancelled', async () => {
    const session = await openSession({ ...spec, about: 'a' });
    await one(session, 0);
    await session.close(true);
    expect(await keptArchive((await keptFolder())!)).toBeNull();
  });

  test('is made in memory where the browser keeps no files', async () => {
    const kept = await bytesOf(3);
    vi.unstubAllGlobals();
    vi.stubGlobal('navigator', {});
    expect(await bytesOf(3)).toEqual(kept);
  });
});
