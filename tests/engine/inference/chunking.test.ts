import { describe, expect, it } from 'vitest';
import { ChunkSize } from '../../../src/engine/inference/chunking';

describe('images of a forward pass', () => {
  it('a hardware GPU takes everything at once and stays there when it is fast', () => {
    const chunks = new ChunkSize(24, true);
    expect(chunks.next(24)).toBe(24);
    chunks.measured(24, 18);
    expect(chunks.next(24)).toBe(24);
    expect(chunks.next(5)).toBe(5);
  });

  it('a slow back-end starts with one and grows only while passes are short', () => {
    const chunks = new ChunkSize(32, false);
    expect(chunks.next(24)).toBe(1);
    chunks.measured(1, 20);
    expect(chunks.next(24)).toBe(2);
    chunks.measured(2, 40);
    expect(chunks.next(24)).toBe(4);
    chunks.measured(4, 200);
    expect(chunks.next(24)).toBe(4);
    chunks.measured(4, 900);
    expect(chunks.next(24)).toBe(2);
  });

  it('never leaves the limit, and the rest of a grid does not count', () => {
    const chunks = new ChunkSize(3, true);
    chunks.measured(3, 1);
    expect(chunks.next(100)).toBe(3);
    chunks.measured(1, 5000);
    expect(chunks.next(100)).toBe(3);
    expect(new ChunkSize(1, true).half()).toBeNull();
  });

  it('halves the pass that was too much, which may have been smaller than allowed', () => {
    const chunks = new ChunkSize(64, true);
    expect(chunks.next(100)).toBe(64);
    expect(chunks.half()).toBe(32);
    expect(chunks.next(12)).toBe(12);
    expect(chunks.half()).toBe(6);
    expect(chunks.next(1)).toBe(1);
    expect(chunks.half()).toBeNull();
  });

  it('an image that is waited for is alone where the pass would be felt, and only there', () => {
    const slow = new ChunkSize(24, false);
    slow.measured(1, 20);
    slow.measured(2, 40);
    expect(slow.next(24, true)).toBe(1);
    expect(slow.next(23)).toBe(4);
    const fast = new ChunkSize(24, true);
    fast.measured(24, 18);
    expect(fast.next(24, true)).toBe(24);
    fast.measured(24, 60);
    expect(fast.next(24, true)).toBe(1);
  });
});
