import { philox4x32, type Words4 } from '../rng/philox';

/** Last counter word of every draw made here: seeds of images use 0, so the streams never meet. */
const DOMAIN = 0x64617461;
const ROUNDS = 8;

/** One uint32 for (seed, what, a, b): random access, nothing to be saved. */
export function draw(seed: number, what: number, a: number, b: number): number {
  const counter: Words4 = [a >>> 0, b >>> 0, what, DOMAIN];
  return philox4x32(counter, [seed >>> 0, Math.floor(seed / 2 ** 32)], counter)[0];
}

/**
 * Where place `i` of epoch `epoch` goes, in a random permutation of 0 to size-1 that is computed place by place:
 * a Feistel network over the next power of four, walked until it lands inside. No list is held, and any place of
 * any epoch can be asked for.
 */
export function shuffled(i: number, size: number, seed: number, epoch: number): number {
  if (size <= 1) return 0;
  const bits = Math.max(1, Math.ceil(Math.log2(size) / 2));
  const mask = 2 ** bits - 1;
  let place = i;
  do {
    let left = Math.floor(place / 2 ** bits);
    let right = place & mask;
    for (let round = 0; round < ROUNDS; round++) {
      const mixed = left ^ (draw(seed, 2 + round, right, epoch) & mask);
      left = right;
      right = mixed;
    }
    place = left * 2 ** bits + right;
  } while (place >= size);
  return place;
}
