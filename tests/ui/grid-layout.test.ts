import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { layOut } from '../../src/ui/grid-layout';

const stage = { width: 788, height: 600, count: 24, resolution: 64, gap: 4, ratio: 1, columns: 5 };

describe('grid layout', () => {
  test('six images at 2x fill the stage of 1440', () => {
    expect(layOut(stage)).toEqual({ columns: 6, size: 128 });
  });

  test('smaller networks are enlarged more, and one image fills what there is', () => {
    expect(layOut({ ...stage, resolution: 32 })).toEqual({ columns: 6, size: 128 });
    expect(layOut({ ...stage, count: 1 })).toEqual({ columns: 1, size: 576 });
  });

  test('a phone shows three at 128, in device pixels where the ratio is not whole', () => {
    const phone = { ...stage, width: 390, height: null, gap: 3, columns: 3 };
    expect(layOut({ ...phone, ratio: 2 })).toEqual({ columns: 3, size: 128 });
    const odd = layOut({ ...phone, width: 360, ratio: 2.625 });
    expect(odd.columns).toBe(3);
    expect((odd.size * 2.625) % 64).toBeCloseTo(0, 6);
  });

  test('always a whole multiple in device pixels, never wider than the stage, never too small to touch', () => {
    const spaces = fc.record({
      width: fc.integer({ min: 300, max: 2400 }),
      height: fc.option(fc.integer({ min: 100, max: 1600 })),
      count: fc.integer({ min: 1, max: 64 }),
      resolution: fc.constantFrom(16, 32, 64),
      gap: fc.constantFrom(3, 4),
      ratio: fc.constantFrom(1, 1.25, 1.5, 2, 3),
      columns: fc.constantFrom(3, 5),
    });
    fc.assert(
      fc.property(spaces, (space) => {
        const { columns, size } = layOut(space);
        const multiple = (size * space.ratio) / space.resolution;
        expect(Math.abs(multiple - Math.round(multiple))).toBeLessThan(1e-9);
        expect(columns * (size + space.gap) - space.gap).toBeLessThanOrEqual(space.width + 0.011);
        expect(size).toBeGreaterThanOrEqual(44 - 1e-9);
        expect(columns).toBeLessThanOrEqual(space.count);
      }),
    );
  });
});
