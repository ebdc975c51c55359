import { describe, expect, test } from 'vitest';
import { formatMix, mixOf, ownWeight, readMix, sharesOf, withShare } from '../../src/lib/class-mix';

describe('a mix of classes', () => {
  test('leaves its own class the rest, and adds up a class that comes twice', () => {
    const mix = [{ index: 4, weight: 0.35 }];
    expect(ownWeight(mix)).toBe(0.65);
    expect(sharesOf(1, mix)).toEqual([
      { index: 1, weight: 0.65 },
      { index: 4, weight: 0.35 },
    ]);
    expect(sharesOf(4, mix)).toEqual([{ index: 4, weight: 1 }]);
    expect(sharesOf(1, [{ index: 4, weight: 1 }])).toEqual([{ index: 4, weight: 1 }]);
  });

  test('weights of any size are divided by their sum', () => {
    const [own, ...others] = [7, 2, 1].map((weight, index) => ({ index, weight }));
    expect(mixOf(own!, others)).toEqual({
      own: 0,
      mix: [
        { index: 1, weight: 0.2 },
        { index: 2, weight: 0.1 },
      ],
    });
    expect(mixOf({ index: null, weight: 1 }, [])).toEqual({ own: null, mix: [] });
  });

  test('one class is changed, added or taken out; together they never weigh more than 1', () => {
    const mix = [
      { index: 4, weight: 0.25 },
      { index: 7, weight: 0.5 },
    ];
    expect(withShare(mix, 4, 0.3)).toEqual([
      { index: 4, weight: 0.3 },
      { index: 7, weight: 0.5 },
    ]);
    expect(withShare(mix, 4, 0.9)[0]).toEqual({ index: 4, weight: 0.5 });
    expect(withShare(mix, 7, 0)).toEqual([mix[0]]);
    expect(withShare(mix, 9, 0.1)).toEqual([...mix, { index: 9, weight: 0.1 }]);
  });

  test('is read as it is written, and nothing else is read', () => {
    const mix = [
      { index: 4, weight: 0.35 },
      { index: 7, weight: 0.0001 },
    ];
    expect(readMix(formatMix(mix))).toEqual(mix);
    for (const text of ['', '4', '4:', '4:0', '4:-1', '4:0.6,7:0.6', '4:0.1,4:0.2', 'cat:0.5', '4:0.5;7:0.5'])
      expect(readMix(text), text).toBeNull();
  });
});
