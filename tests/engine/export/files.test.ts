import { GifReader } from 'omggif';
import { describe, expect, test } from 'vitest';
import { decodePng } from '../../../src/data/image/png';
import { enlarge, withoutAlpha } from '../../../src/engine/export/enlarge';
import { GIF_MAX_FPS, GifWriter } from '../../../src/engine/export/gif';
import { openSession } from '../../../src/engine/export/sessions';
import { readPngText } from '../../../src/formats/png';
import { bufferSource } from '../../../src/formats/source';
import { openZip, readEntry } from '../../../src/formats/zip';
import { concat } from '../../formats/helpers';

const SIDE = 16;
/** Opaque pixels that have structure, in as many colours as asked for. */
function picture(seed: number, colours: number): Uint8ClampedArray<ArrayBuffer> {
  const out = new Uint8ClampedArray(4 * SIDE * SIDE);
  for (let i = 0; i < SIDE * SIDE; i++) {
    const c = (i * 7 + seed * 13) % colours;
    out.set([(c * 37) & 255, (c * 101 + seed) & 255, (c * 5) & 255, 255], 4 * i);
  }
  return out;
}

const decoded = (gif: Uint8Array) => {
  const reader = new GifReader(gif as Buffer);
  return Array.from({ length: reader.numFrames() }, (_, i) => {
    const pixels = new Uint8ClampedArray(4 * reader.width * reader.height);
    reader.decodeAndBlitFrameRGBA(i, pixels);
    return { pixels, delay: reader.frameInfo(i).delay, width: reader.width };
  });
};

function gifOf(frames: Uint8ClampedArray[], options: { scale?: number; fps?: number; loop?: boolean } = {}) {
  const gif = new GifWriter({ resolution: SIDE, scale: 1, fps: 25, loop: true, ...options });
  return concat([...frames.map((frame) => gif.add(frame)), gif.finish()]);
}

describe('a GIF', () => {
  test('keeps images of few colours exactly, enlarged by whole pixels', () => {
    const frames = [1, 2, 3].map((seed) => picture(seed, 200));
    const shown = decoded(gifOf(frames, { scale: 3 }));
    expect(shown.length).toBe(3);
    shown.forEach(({ pixels, width }, i) => {
      expect(width).toBe(3 * SIDE);
      expect(pixels).toEqual(enlarge(frames[i]!, { width: SIDE, height: SIDE, scale: 3, stride: 4 }));
    });
  });

  test('comes close to images of more colours than it has', () => {
    const rgba = new Uint8ClampedArray(4 * SIDE * SIDE);
    for (let i = 0; i < SIDE * SIDE; i++) rgba.set([i, 255 - i, ((i * 16) & 255) ^ (i >> 4), 255], 4 * i);
    const wide = new GifWriter({ resolution: 2 * SIDE, scale: 1, fps: 25, loop: true });
    const four = enlarge(rgba, { width: SIDE, height: SIDE, scale: 2, stride: 4 });
    for (let i = 0; i < four.length; i += 4) four[i + 2] = four[i + 2]! ^ ((i >> 2) & 3);
    const [frame] = decoded(concat([wide.add(four), wide.finish()]));
    const error = four.reduce((sum, v, i) => sum + Math.abs(v - frame!.pixels[i]!), 0) / four.length;
    expect(error).toBeGreaterThan(0); // more than 256 colours: the test would say nothing
    expect(error).toBeLessThan(3);
  });

  test('plays at the rate that is asked for, in hundredths of a second', () => {
    const delays = decoded(
      gifOf(
        Array.from({ length: 30 }, (_, i) => picture(i, 9)),
        { fps: 30 },
      ),
    ).map((f) => f.delay);
    expect(delays.reduce((a, b) => a + b)).toBe(100);
    expect(new Set(delays)).toEqual(new Set([3, 4]));
    expect(decoded(gifOf([picture(0, 9)], { fps: 100 }))[0]!.delay).toBe(100 / GIF_MAX_FPS);
  });

  test('loops or ends', () => {
    const loops = (loop: boolean) => new GifReader(gifOf([picture(0, 9)], { loop }) as Buffer).loopCount();
    expect(loops(true)).toBe(0);
    expect(loops(false)).toBeNull();
  });
});

describe('an archive of frames', () => {
  test('has a PNG of each, with what it says of itself', async () => {
    const session = await openSession({ kind: 'frames', resolution: SIDE, scale: 2, channels: 3 });
    const frames = [picture(1, 200), picture(2, 200)];
    await session.add(
      new Uint8ClampedArray([...frames[0]!, ...frames[1]!]),
      frames.map((_, i) => ({ path: `frame-00${i}.png`, text: { innate: `#/generate?seed=${i}` } })),
    );
    expect(session.count).toBe(2);
    const file = await session.finish([['readme.txt', 'Frames']]);
    const entries = openZip(bufferSource(new Uint8Array(await file.arrayBuffer()), 'frames.zip'));
    expect(entries.map((e) => e.name)).toEqual(['frame-000.png', 'frame-001.png', 'readme.txt']);
    const png = readEntry(entries[1]!, 1e6);
    expect(readPngText(png).get('innate')).toBe('#/generate?seed=1');
    const large = enlarge(frames[1]!, { width: SIDE, height: SIDE, scale: 2, stride: 4 });
    const image = decodePng(png, 'frame-001.png');
    expect([...image.data]).toEqual([...withoutAlpha(large, 3)]);
  });
});
