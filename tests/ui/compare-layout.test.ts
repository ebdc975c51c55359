import { describe, expect, test } from 'vitest';
import { imageSize, layOutRows } from '../../src/features/generate/compare/layout';

describe('rows of images', () => {
  test('four seeds beside the inspector at 1440, six without it', () => {
    expect(layOutRows(1440 - 300 - 304 - 48)).toEqual({ module: 128, columns: 4, gap: 4, stacked: false });
    expect(layOutRows(1440 - 300 - 48)).toEqual({ module: 128, columns: 6, gap: 4, stacked: false });
  });

  test('three on a phone, from edge to edge, the head above them', () => {
    expect(layOutRows(390)).toEqual({ module: 128, columns: 3, gap: 3, stacked: true });
    expect(layOutRows(360)).toEqual({ module: 118, columns: 3, gap: 3, stacked: true });
  });

  test('nothing is wider than its room, and images grow where eight leave room', () => {
    for (let width = 320; width < 4000; width += 7) {
      const { module, columns, gap, stacked } = layOutRows(width);
      const head = stacked ? -gap : 260;
      expect(head + columns * (module + gap)).toBeLessThanOrEqual(width);
      expect(columns).toBeGreaterThanOrEqual(3);
      expect(columns).toBeLessThanOrEqual(8);
    }
    expect(layOutRows(2212)).toMatchObject({ module: 192, columns: 8 });
  });

  test('pixels are whole, in device pixels', () => {
    expect(imageSize(64, 128, 1)).toBe(128);
    expect(imageSize(32, 128, 1)).toBe(128);
    expect(imageSize(28, 128, 1)).toBe(112);
    expect(imageSize(64, 118, 3)).toBeCloseTo((64 * 5) / 3);
    expect(imageSize(256, 128, 1)).toBe(256); // never less than its own pixels
  });
});
