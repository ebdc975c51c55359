import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatHash, parseHash } from '../../src/state/url';
import { syncAddress } from '../../src/state/url-sync';
import { createViewStore, defaultView, SAMPLERS, TABS, type ViewState } from '../../src/state/view';

const DEFAULTS = defaultView();

describe('view in the address', () => {
  test('restores the documented form', () => {
    expect(parseHash('#/generate?model=cats&seed=7.25&class=3', DEFAULTS)).toEqual({
      ...DEFAULTS,
      model: 'cats',
      seed: 7.25,
      classIndex: 3,
    });
  });

  test('model and seed are always written, the rest only where it differs', () => {
    expect(formatHash({ ...DEFAULTS, model: 'cats' }, DEFAULTS)).toBe('#/generate?model=cats&seed=0');
    expect(formatHash({ ...DEFAULTS, tab: 'models', model: 'a b', seed: 1, sigma: 40 }, DEFAULTS)).toBe(
      '#/models?model=a+b&seed=1&sigma=40',
    );
  });

  test.each([
    '',
    '#',
    '#/',
    '#/nowhere',
    '#generate',
    '#/generate?',
    '#/generate?seed=-1&class=x&count=0&sampler=euler&steps=1&sigma=0&selected=-3',
    '#/generate?seed=4294967296&class=1.5&count=65&steps=1e9&sigma=Infinity&selected=NaN',
    '#/generate?seed=&class=&count=&model=',
    '#/generate?%E0%A4%A=1&seed=%',
    '#/generate?class=-0.5&count=twelve',
  ])('%s falls back to the default', (hash) => {
    expect(parseHash(hash, DEFAULTS)).toEqual(DEFAULTS);
  });

  test('the selection stays inside the grid', () => {
    expect(parseHash('#/generate?count=4&selected=9', DEFAULTS).selected).toBe(3);
  });

  test('every view comes back from its address', () => {
    const views: fc.Arbitrary<ViewState> = fc
      .record({
        tab: fc.constantFrom(...TABS),
        model: fc.option(fc.string({ minLength: 1 }).filter((s) => s.trim() === s && s !== '')),
        seed: fc.integer({ min: 0, max: 4294967295 }).map((s) => (s % 3 ? s : s / 4)),
        classIndex: fc.option(fc.nat(1000)),
        count: fc.integer({ min: 1, max: 64 }),
        sampler: fc.constantFrom(...SAMPLERS),
        steps: fc.option(fc.integer({ min: 2, max: 200 })),
        sigma: fc.constantFrom(0.1, 0.5, 80, 200),
        selected: fc.nat(63),
        layers: fc.constantFrom('', 'quantity=change&scale=global', 'layer=dec.8x8_in0&gain=dec.8x8_in0:0'),
      })
      .map((view) => ({
        ...view,
        selected: Math.min(view.selected, view.count - 1),
        layers: view.tab === 'layers' ? new URLSearchParams(view.layers).toString() : '',
      }));
    fc.assert(
      fc.property(views, (view) => {
        expect(parseHash(formatHash(view, DEFAULTS), DEFAULTS)).toEqual(view);
      }),
    );
  });

  test('no address crashes the page', () => {
    fc.assert(fc.property(fc.string(), (text) => void parseHash(text, DEFAULTS)));
  });
});

test('the address follows the view after a moment, and the view the address at once', async () => {
  const view = createViewStore({ ...DEFAULTS, model: 'cats' });
  const listeners: Record<string, () => void> = {};
  const location = { hash: '' };
  const written: string[] = [];
  syncAddress(view, DEFAULTS, {
    location,
    history: {
      replaceState: (_data, _unused, url) => {
        written.push(url);
        location.hash = url;
      },
    },
    addEventListener: (type, listener) => {
      listeners[type] = listener;
    },
  });
  for (let seed = 1; seed <= 50; seed++) view.setState({ seed });
  listeners.pagehide!();
  expect(written).toEqual(['#/generate?model=cats&seed=50']);
  location.hash = '#/models?model=dogs&seed=3';
  listeners.hashchange!();
  expect(view.getState()).toMatchObject({ tab: 'models', model: 'dogs', seed: 3 });
});
