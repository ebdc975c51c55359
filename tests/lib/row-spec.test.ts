import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatRowSpec, type RowSpec, readRowSpec } from '../../src/lib/row-spec';
import { SAMPLER_NAMES } from '../../src/lib/sampling';

const row = (model: string, settings: Partial<RowSpec> = {}): RowSpec => ({
  model,
  sampler: null,
  steps: null,
  sigma: null,
  ...settings,
});

describe('a row says its model and how its images are made', () => {
  test.each([
    ['cats', row('cats')],
    ['cats@one-step', row('cats', { sampler: 'one-step' })],
    ['cats@two-step', row('cats', { sampler: 'two-step' })],
    ['cats@heun', row('cats', { sampler: 'heun' })],
    ['cats@heun:18', row('cats', { sampler: 'heun', steps: 18 })],
    ['cats@sigma=2.5', row('cats', { sigma: 2.5 })],
    ['cats@heun:18,sigma=40', row('cats', { sampler: 'heun', steps: 18, sigma: 40 })],
    ['cats@sigma=40, heun:18', row('cats', { sampler: 'heun', steps: 18, sigma: 40 })],
    ['me@home/net@v2.pkl', row('me@home/net@v2.pkl')],
    ['me@home/net.pkl@heun:4', row('me@home/net.pkl', { sampler: 'heun', steps: 4 })],
    ['@heun:4', row('@heun:4')],
    ['net@heunlike', row('net@heunlike')],
    ['net@sigma-2', row('net@sigma-2')],
  ])('%s', (text, expected) => {
    expect(readRowSpec(text)).toEqual(expected);
  });

  test.each([
    'cats@heun:1',
    'cats@heun:201',
    'cats@heun:x',
    'cats@two-step:3',
    'cats@sigma=0',
    'cats@sigma=-1',
    'cats@sigma=1e3',
    'cats@sigma=201',
    'cats@sigma',
    'cats@heun:4,heun:5',
    'cats@sigma=1,sigma=2',
    'cats@heun:4,fast',
    'cats@heun:4,',
  ])('%s is a setting that cannot be followed', (text) => {
    expect(readRowSpec(text)).toBeNull();
  });

  test('every row comes back from its text, whatever its model is called', () => {
    const names = fc.oneof(
      fc.string({ minLength: 1 }),
      fc.constantFrom(
        'a@heun:18',
        'a@one-step',
        'a@sigma=2',
        'a@heun:1',
        'file:a b@two-step.pkl',
        'x@two-step',
        'net@',
        'net@@',
      ),
    );
    const rows: fc.Arbitrary<RowSpec> = fc
      .record({
        model: names,
        sampler: fc.constantFrom(null, ...SAMPLER_NAMES),
        steps: fc.option(fc.integer({ min: 2, max: 200 })),
        sigma: fc.constantFrom(null, 0.1, 2.5, 80, 200),
      })
      .map((r) => ({ ...r, steps: r.sampler === 'heun' ? r.steps : null }));
    fc.assert(
      fc.property(rows, (r) => {
        expect(readRowSpec(formatRowSpec(r))).toEqual(r);
      }),
    );
  });

  test('its text is as short as it can be', () => {
    expect(formatRowSpec(row('cats'))).toBe('cats');
    expect(formatRowSpec(row('cats', { sampler: 'heun', steps: 18, sigma: 40 }))).toBe(
      'cats@heun:18,sigma=40',
    );
    expect(formatRowSpec(row('a@heun:18'))).toBe('a@heun:18@');
  });
});
