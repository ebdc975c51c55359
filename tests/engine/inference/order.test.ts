import { expect, test } from 'vitest';
import { leftTogether, makingOrder } from '../../../src/engine/inference/order';

const seeds = [10, 11, 12, 13, 14, 15];

test('the selected image first, then what is in view, then what is not', () => {
  const order = makingOrder({ seeds, first: 3, unseen: [0, 1, 5] });
  expect(order).toEqual({ images: [3, 2, 4, 0, 1, 5], seen: 3 });
  expect([0, 1, 2, 3, 4, 5].map((done) => leftTogether(order, done))).toEqual([3, 2, 1, 3, 2, 1]);
});

test('without a word of it all are in view, in the order of the grid', () => {
  expect(makingOrder({ seeds })).toEqual({ images: [0, 1, 2, 3, 4, 5], seen: 6 });
  expect(makingOrder({ seeds, first: 9 }).images).toEqual([0, 1, 2, 3, 4, 5]);
});

test('the selected image comes first although it is out of sight: it is shown large beside the grid', () => {
  expect(makingOrder({ seeds, first: 5, unseen: [4, 5] })).toEqual({ images: [5, 0, 1, 2, 3, 4], seen: 5 });
});
