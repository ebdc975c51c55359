import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { SAMPLER_NAMES } from '../../src/lib/sampling';
import { AS_USUAL, formatPin, type OwnNoise, type OwnPlace, type Pin } from '../../src/state/generate/points';
import { createViewStore, defaultView, TABS, type ViewState } from '../../src/state/generate/view';
import { formatHash, parseHash, type ReadView, readHash } from '../../src/state/url';
import { syncAddress } from '../../src/state/url-sync';

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

  const mixes = fc.constantFrom(
    [],
    [{ index: 4, weight: 0.35 }],
    [
      { index: 4, weight: 0.25 },
      { index: 7, weight: 0.75 },
    ],
  );
  const noises: fc.Arbitrary<OwnNoise | null> = fc.constantFrom(
    null,
    { latent: 'mine.npy-3f', strokes: [] },
    { latent: null, strokes: [{ seed: 77, radius: 6, strength: 0.5, points: [1, 2, 30, 40] }] },
    {
      latent: 'mine.npy-3f',
      strokes: [
        { seed: 4294967295, radius: 1, strength: 1, points: [0, 0] },
        { seed: 0, radius: 64, strength: 0.01, points: [63, 63] },
      ],
    },
  );
  const pins: fc.Arbitrary<Pin> = fc.record({
    seed: fc.integer({ min: 0, max: 4294967295 }).map((s) => (s % 3 ? s : s / 4)),
    classIndex: fc.option(fc.nat(1000)),
    mix: mixes,
    sigma: fc.constantFrom(null, 2.5, 80),
    temperature: fc.constantFrom(1, 0.5),
    sampler: fc.constant(null),
    steps: fc.constant(null),
    noise: noises,
  });
  const places: fc.Arbitrary<OwnPlace> = fc.record({
    place: fc.nat(63),
    classIndex: fc.nat(9),
    noise: noises,
  });

  test('what single images have of their own is read by people, and what cannot be read is said', () => {
    const pin = { ...AS_USUAL, seed: 23, classIndex: 1, mix: [{ index: 2, weight: 0.35 }] };
    const view = { ...DEFAULTS, pins: [pin, { ...AS_USUAL, seed: 4, sampler: 'heun' as const, steps: 18 }] };
    const hash = formatHash({ ...view, model: 'cats' }, DEFAULTS);
    expect(hash).toBe('#/generate?model=cats&seed=0&pins=23@class=1,mix=2:0.35;4@steps=heun:18');
    const odd = readHash(
      '#/generate?pins=23;4@colour=red;x;5@mix=1:2&mix=1:0.7,2:0.7&own=99@class=1',
      DEFAULTS,
    );
    expect(odd.view.pins).toEqual([{ ...AS_USUAL, seed: 23 }]);
    expect(odd.view).toMatchObject({ mix: [], own: [] });
    expect(odd.problems.map((p) => /“(.*?)”/.exec(p)![1])).toEqual([
      '1:0.7,2:0.7',
      '99@class=1',
      '4@colour=red',
      'x',
      '5@mix=1:2',
    ]);
  });

  test('every view comes back from its address', () => {
    const views: fc.Arbitrary<ViewState> = fc
      .record({
        tab: fc.constantFrom(...TABS),
        model: fc.option(fc.string({ minLength: 1 }).filter((s) => s.trim() === s && s !== '')),
        seed: fc.integer({ min: 0, max: 4294967295 }).map((s) => (s % 3 ? s : s / 4)),
        classIndex: fc.option(fc.nat(1000)),
        mix: mixes,
        temperature: fc.constantFrom(0, 0.85, 1, 2),
        count: fc.integer({ min: 1, max: 64 }),
        pins: fc.uniqueArray(pins, { maxLength: 5, selector: formatPin }),
        own: fc.uniqueArray(places, { maxLength: 3, selector: ({ place }) => place }),
        sampler: fc.constantFrom(null, ...SAMPLER_NAMES),
        steps: fc.option(fc.integer({ min: 2, max: 200 })),
        sigma: fc.constantFrom(0.1, 0.5, 80, 200),
        selected: fc.nat(63),
        path: fc.constantFrom(
          '',
          'leg=24&fps=24&loop=1',
          'leg=8&fps=30&loop=0&frame=5&stops=7%40sigma%3D2%3B7',
        ),
        compare: fc.boolean(),
        comparison: fc.constantFrom(
          '',
          'row=',
          'row=cats&row=cats%40heun%3A18%2Csigma%3D40&at=1%2C2',
          'row=a+b%26c',
        ),
        layers: fc.constantFrom('', 'quantity=change&scale=global', 'layer=dec.8x8_in0&gain=dec.8x8_in0:0'),
      })
      .map((view) => ({
        ...view,
        selected: Math.min(view.selected, view.count - 1),
        own: view.own.filter(({ place }) => place < view.count),
        compare: view.compare && view.tab === 'generate',
        comparison: view.compare && view.tab === 'generate' ? view.comparison : '',
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

describe('what a link could not be followed in is said', () => {
  const problems = (hash: string) => readHash(hash, DEFAULTS).problems;

  test('nothing for a link that is right, or empty', () => {
    for (const hash of [
      '',
      '#/',
      '#/generate?model=cats&seed=7.25&class=3&sigma=40',
      '#/layers?layer=dec.8x8_in0',
    ])
      expect(problems(hash), hash).toEqual([]);
  });

  test('a page and values that do not exist, one sentence each', () => {
    expect(problems('#/no/such%20page')).toEqual([
      'The address names the page “no/such page”, which does not exist: Generate is shown.',
    ]);
    expect(problems('#/generate?seed=banana&count=100000&sampler=euler&class=1.5')).toEqual([
      'The link has the number of images “100000”, but it must be a whole number from 1 to 64: the default is shown.',
      'The link has the sampler “euler”, but it must be one of one-step, two-step, heun: the default is shown.',
      'The link has the seed “banana”, but it must be a number from 0 to 4,294,967,295: the default is shown.',
      'The link has the class “1.5”, but it must be a whole number from 0 to 1,000,000: the default is shown.',
    ]);
    expect(problems('#/generate?count=4&selected=9')).toHaveLength(1);
    expect(problems('#/layers?quantity=entropy&at=0.5&levels=12&open=enc.8x8_block0')).toEqual([]);
    expect(problems('#/layers?quantity=colour&levels=1000')).toEqual([
      'The link has “colour” for quantity in Layers, which cannot be followed as it is: the nearest or the default is shown.',
      'The link has “1000” for levels in Layers, which cannot be followed as it is: the nearest or the default is shown.',
    ]);
    expect(problems(`#/${'x'.repeat(5000)}`)[0]!.length).toBeLessThan(200);
  });
});

/** A window's address with its history, as a browser keeps it. */
class FakePage {
  entries = [''];
  at = 0;
  writes = 0;
  listeners: Record<string, () => void> = {};
  readonly location: { readonly hash: string };
  readonly history = {
    replaceState: (_data: unknown, _unused: string, url: string) => {
      this.writes++;
      this.entries[this.at] = url;
    },
    pushState: (_data: unknown, _unused: string, url: string) => {
      this.entries = [...this.entries.slice(0, ++this.at), url];
    },
  };

  constructor() {
    const entry = () => this.entries[this.at]!;
    this.location = {
      get hash() {
        return entry();
      },
    };
  }
  addEventListener(type: string, listener: () => void): void {
    this.listeners[type] = listener;
  }
  go(by: number): void {
    this.at += by;
    this.listeners.hashchange!();
  }
}

function synced() {
  const view = createViewStore({ ...DEFAULTS, model: 'cats' });
  const page = new FakePage();
  const arrived: ReadView[] = [];
  syncAddress(view, DEFAULTS, page, (read) => {
    arrived.push(read);
    view.setState(read.view);
  });
  return { view, page, arrived };
}

test('the address follows the view after a moment, and the view the address at once', () => {
  const { view, page, arrived } = synced();
  for (let seed = 1; seed <= 50; seed++) view.setState({ seed });
  page.listeners.pagehide!();
  expect([page.writes, page.entries]).toEqual([1, ['#/generate?model=cats&seed=50']]);
  page.entries[0] = '#/models?model=dogs&seed=3&count=0';
  page.listeners.hashchange!();
  expect(view.getState()).toMatchObject({ tab: 'models', model: 'dogs', seed: 3 });
  expect(arrived[0]!.problems).toHaveLength(1);
});

test('Back and Forward walk through the tabs, each as it was left; a drag adds no entry', () => {
  const { view, page } = synced();
  for (let seed = 1; seed <= 50; seed++) view.setState({ seed });
  view.setState({ tab: 'distil' });
  view.setState({ tab: 'models', model: 'dogs' });
  view.setState({ seed: 9 });
  page.listeners.pagehide!();
  expect(page.entries).toEqual([
    '#/generate?model=cats&seed=50',
    '#/distil?model=cats&seed=50',
    '#/models?model=dogs&seed=9',
  ]);
  page.go(-2);
  expect(view.getState()).toMatchObject({ tab: 'generate', model: 'cats', seed: 50 });
  page.go(1);
  expect(view.getState().tab).toBe('distil');
  page.go(1);
  expect(view.getState()).toMatchObject({ tab: 'models', model: 'dogs', seed: 9 });
  expect(page.entries).toHaveLength(3);
});

test('an address that was just gone to is not overwritten before its news arrives', () => {
  vi.useFakeTimers();
  const { view, page } = synced();
  view.setState({ tab: 'distil' });
  view.setState({ tab: 'models' });
  page.go(-1);
  view.setState({ seed: 5 }); // is written a moment later ...
  page.at--; // ... when the person is back at the first entry, and the event is on its way
  vi.advanceTimersByTime(1000);
  expect(page.entries[0]).toMatch(/^#\/generate|^$/);
  page.listeners.hashchange!();
  expect(view.getState().tab).toBe('generate');
  vi.useRealTimers();
});
