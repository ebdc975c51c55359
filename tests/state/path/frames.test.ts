import { describe, expect, test } from 'vitest';
import { AS_USUAL, type Pin } from '../../../src/state/generate/points';
import type { ModelFacts } from '../../../src/state/models';
import { frameRecipe, frameRequest, pathOf, samplingKey } from '../../../src/state/path/frames';
import { DEFAULT_PATH, formatPath, type PathView, readPath } from '../../../src/state/path/view';

const MODEL = {
  key: 'm',
  ref: { kind: 'catalogue', id: 'm' },
  name: 'M',
  resolution: 2,
  channels: 1,
  labelDim: 4,
  sigma: 80,
  sigmaMid: null,
  classes: ['a', 'b', 'c', 'd'],
} as unknown as ModelFacts;
const none = { fitting: () => null };
const pin = (seed: number, change: Partial<Pin> = {}): Pin => ({
  ...AS_USUAL,
  classIndex: 0,
  seed,
  ...change,
});
const path = (pins: Pin[], change: Partial<PathView> = {}) =>
  pathOf({ ...DEFAULT_PATH, leg: 4, ...change }, pins, MODEL, none)!;

describe('a frame of a path', () => {
  test('at a pin is made as the pin is; between two the noise is between', () => {
    const p = path([pin(3), pin(9)]);
    expect(frameRecipe(p, 0).own.noise).toEqual({ kind: 'seed', seed: 3 });
    expect(frameRecipe(p, 1).own.noise).toEqual({
      kind: 'between',
      from: { kind: 'seed', seed: 3 },
      to: { kind: 'seed', seed: 9 },
      at: 0.25,
    });
    expect(frameRecipe(p, 5).own.noise).toMatchObject({ from: { seed: 9 }, to: { seed: 3 }, at: 0.25 });
  });

  test('mixes the classes of its two pins, what they mix themselves included', () => {
    const p = path([pin(3), pin(9, { classIndex: 1, mix: [{ index: 2, weight: 0.5 }] })]);
    const { classIndex, mix } = frameRecipe(p, 1).own;
    expect([classIndex, mix]).toEqual([
      0,
      [
        { index: 1, weight: 0.125 },
        { index: 2, weight: 0.125 },
      ],
    ]);
  });

  test('a sweep of one image changes nothing but what is swept', () => {
    const p = path([pin(3, { sigma: 5 }), pin(3, { sigma: 80 })], { loop: false });
    const recipes = [0, 1, 2, 3, 4].map((frame) => frameRecipe(p, frame));
    expect(recipes.map(({ sampling }) => sampling.sigma)).toEqual([5, 10, 20, 40, 80]);
    expect(recipes.every(({ own }) => own.noise?.kind === 'seed')).toBe(true);
    // Each has a noise level of its own, so none can be made with another.
    expect(new Set(recipes.map(samplingKey)).size).toBe(5);
  });

  test('the gain of a block goes from one end to the other', () => {
    const p = path([pin(3)], { loop: false, gain: { block: 'enc.4x4_block0', from: 0, to: 2 } });
    expect([0, 2, 4].map((f) => frameRecipe(p, f).sampling.gains)).toEqual([
      { 'enc.4x4_block0': 0 },
      { 'enc.4x4_block0': 1 },
      { 'enc.4x4_block0': 2 },
    ]);
  });

  test('frames of one sampling are one request, in the background', () => {
    const p = path([pin(3), pin(9)]);
    const request = frameRequest(p, [frameRecipe(p, 0), frameRecipe(p, 1)]);
    expect(request).toMatchObject({ background: true, sigma: 80, sampler: 'one-step', seeds: [3, 3] });
    expect(request.own).toHaveLength(2);
  });

  test('one pin is no path', () => {
    expect(pathOf(DEFAULT_PATH, [pin(3)], MODEL, none)).toBeNull();
  });
});

describe('the path of a link', () => {
  test('comes back from its query', () => {
    const view: PathView = {
      leg: 8,
      fps: 30,
      loop: false,
      frame: 5,
      stops: [pin(7, { sigma: 2 }), pin(7)],
      gain: { block: 'dec.8x8_in0', from: 0, to: 1.5 },
    };
    expect(readPath(formatPath(view))).toEqual({ path: view, problems: [] });
    expect(readPath('')).toEqual({ path: null, problems: [] });
  });

  test('what cannot be read is said', () => {
    const { path: read, problems } = readPath('leg=0&fps=24&stops=x&scaled=a:b:c');
    expect(read).toMatchObject({ leg: DEFAULT_PATH.leg, fps: 24, stops: null, gain: null });
    expect(problems).toHaveLength(3);
  });
});
