import { expect, test } from 'vitest';
import { type DistilConfig, preset } from '../../../src/distil/config';
import type { CurvePoint } from '../../../src/distil/curve';
import { runCard } from '../../../src/state/distil/run-card';
import type { DistilRunState } from '../../../src/state/distil/store';

const run = (points: Partial<CurvePoint>[]) =>
  ({
    about: { name: 'Clothes student, run 1', teacherName: 'Clothes', dataName: 'Own' },
    config: { method: 'gdd-i' },
    request: { measureImages: 100 },
    plan: null,
    history: { points, snapshots: [] },
  }) as unknown as DistilRunState;

test('the card of a run has every distance and the lowest one, and names the back-end', () => {
  const card = runCard(
    run([
      { iteration: 1, images: 32, frechet: 9, frechetError: 1, spread: 0.5 },
      { iteration: 2, images: 64 },
      { iteration: 3, images: 96, frechet: 4 },
      { iteration: 4, images: 128, frechet: 5 },
      { iteration: 5, images: 160 },
    ]),
    'a note',
    { name: 'wasm', label: '2 threads' },
  );
  expect(card).toMatchObject({
    backend: 'wasm (2 threads)',
    notes: 'a note',
    iterations: 5,
    imagesSeen: 160,
  });
  expect(card.frechet).toMatchObject({
    n: 100,
    best: { images: 96, value: 4, error: null, spread: null },
    all: [
      { images: 32, value: 9, error: 1, spread: 0.5 },
      { images: 96, value: 4, error: null, spread: null },
      { images: 128, value: 5, error: null, spread: null },
    ],
  });
});

test('a two-step student is called one, with its sigmas', () => {
  const card = (config: Partial<DistilConfig>) =>
    runCard({ ...run([]), config: { ...preset('small'), ...config } }, '', null);
  expect(card({}).sampling).toEqual({ sampler: 'one-step', sigma: 2.5, sigmaMid: null });
  expect(card({ nfe: 2, sigmaMid: 0.6 }).sampling).toEqual({
    sampler: 'two-step',
    sigma: 2.5,
    sigmaMid: 0.6,
  });
});

test('a run without a distance says so', () => {
  const card = runCard(run([{ iteration: 1, images: 32 }]), '', null);
  expect(card).toMatchObject({ frechet: null, backend: null, imagesSeen: 32 });
});
