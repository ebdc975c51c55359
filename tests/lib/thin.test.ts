import { describe, expect, it } from 'vitest';
import { spreadMoments } from '../../src/lib/thin';

describe('some of many moments', () => {
  const many = Array.from({ length: 21 }, (_, i) => 16 * i);

  it('are spread evenly from the first to the last', () => {
    expect(spreadMoments(many, null, 5)).toEqual([0, 80, 160, 240, 320]);
  });

  it('have the best one among them, and as many as were asked for', () => {
    for (const best of [16, 112, 304]) {
      const chosen = spreadMoments(many, best, 6);
      expect(chosen).toHaveLength(6);
      expect(chosen).toEqual(expect.arrayContaining([0, best, 320]));
      expect(chosen).toEqual([...chosen].sort((a, b) => a - b));
    }
    expect(spreadMoments(many, 320, 3)).toHaveLength(3);
  });

  it('are all of them where there are no more', () => {
    expect(spreadMoments([0, 16, 20], 16, 6)).toEqual([0, 16, 20]);
    expect(spreadMoments([], null, 6)).toEqual([]);
  });
});
