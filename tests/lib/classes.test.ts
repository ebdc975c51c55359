import { expect, test } from 'vitest';
import { classIn, classSource, mixIn } from '../../src/lib/classes';

const clothes = { labelDim: 3, classes: ['shirt', 'boot', 'bag'] };
const others = { labelDim: 2, classes: ['Bag', 'hat'] };
const unnamed = { labelDim: 2, classes: null };
const none = { labelDim: 0, classes: null };

test('a class is the one of its name, else of its index; who lacks it says so', () => {
  expect(classIn(clothes, 2, clothes)).toEqual({ index: 2, missing: false });
  expect(classIn(others, 2, clothes)).toEqual({ index: 0, missing: false });
  expect(classIn(others, 1, clothes)).toEqual({ index: null, missing: true });
  expect(classIn(unnamed, 1, clothes)).toEqual({ index: 1, missing: false });
  expect(classIn(unnamed, 2, clothes)).toEqual({ index: null, missing: true });
  expect(classIn(clothes, 1, unnamed)).toEqual({ index: 1, missing: false });
  expect(classIn(none, 1, clothes)).toEqual({ index: null, missing: true });
});

test('no class was chosen: nobody lacks it', () => {
  for (const network of [clothes, unnamed, none])
    expect(classIn(network, null, clothes)).toEqual({ index: null, missing: false });
});

test('the first network with classes is the one that they are chosen from', () => {
  expect(classSource([none, unnamed, clothes])).toBe(unnamed);
  expect(classSource([none])).toBeNull();
});

test('what is mixed goes to another network by name, without what it lacks', () => {
  const of = { labelDim: 3, classes: ['cat', 'dog', 'fox'] };
  const mix = [
    { index: 1, weight: 0.25 },
    { index: 2, weight: 0.5 },
  ];
  expect(mixIn({ labelDim: 2, classes: ['dog', 'cat'] }, mix, of)).toEqual({
    mix: [{ index: 0, weight: 0.25 }],
    missing: true,
  });
  expect(mixIn(of, mix, of)).toEqual({ mix, missing: false });
  expect(mixIn({ labelDim: 0, classes: null }, mix, of)).toEqual({ mix: [], missing: true });
  expect(mixIn(of, [], of)).toEqual({ mix: [], missing: false });
});
