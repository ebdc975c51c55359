import { describe, expect, test } from 'vitest';
import { AS_USUAL } from '../../../src/state/generate/points';
import { defaultView, type ViewState } from '../../../src/state/generate/view';
import { MAX_ENTRIES } from '../../../src/state/history/controller';
import { type KeptOptions, MAX_KEPT, readKept, writeKept } from '../../../src/state/history/kept';
import { formatHash, readHash } from '../../../src/state/url';
import { bootPage } from '../../support/page';

/** The page, and what its history says: words of all entries, oldest first, the current one in brackets. */
async function page(view: Partial<ViewState> = {}, kept?: KeptOptions) {
  const s = await bootPage({ model: 'clothes', ...view }, undefined, undefined, null, kept);
  const made = async (mark: number) => {
    s.frame();
    const call = s.client.calls.at(-1)!;
    call.deliver([0, 1, 2, 3], mark);
    await call.settle();
  };
  await made(10);
  return {
    ...s,
    made,
    view: s.stores.view,
    list: () => {
      const { moments, current } = s.stores.history.getState();
      return moments.map(({ words }, i) => (i === current ? `[${words}]` : words)).join(', ');
    },
    red: () => s.stores.history.getState().moments.map(({ picture }) => picture?.pixels[0] ?? null),
    /** Changes the view as a click does. */
    click: (change: Partial<ViewState>) => {
      s.controller.history.press(null);
      s.controller.history.release();
      s.stores.view.setState(change);
    },
  };
}

describe('undo and redo', () => {
  test('walk through everything that the view holds', async () => {
    const s = await page();
    const pin = { ...AS_USUAL, seed: 3, classIndex: 1 };
    const changes: Partial<ViewState>[] = [
      { seed: 17 },
      { classIndex: 2 },
      { mix: [{ index: 1, weight: 0.35 }] },
      { temperature: 0.8 },
      { sigma: 40 },
      { pins: [pin] },
      { own: [{ place: 0, classIndex: 1, noise: null }] },
      { sampler: 'heun', steps: 20 },
      { count: 6 },
      { model: 'afhq-cat-64x64-gdd-i', classIndex: null, mix: [] },
      { compare: true, comparison: 'row=clothes' },
    ];
    const views = [s.view.getState()];
    for (const change of changes) {
      s.click(change);
      views.push(s.view.getState());
    }
    expect(s.list()).toMatch(
      /^seed 0, seed 17, bag, mix 0.35, temp. 0.8, sigma 40, 1 pin, own class, Heun 20, 6 images, Model/,
    );
    for (const view of views.slice(0, -1).reverse()) {
      expect(s.controller.history.undo()).toBe(true);
      expect(s.view.getState()).toEqual(view);
    }
    expect(s.controller.history.undo()).toBe(false);
    for (const view of views.slice(1)) {
      expect(s.controller.history.redo()).toBe(true);
      expect(s.view.getState()).toEqual(view);
    }
    expect(s.controller.history.redo()).toBe(false);
  });

  test('a drag is one entry, and what is selected is none', async () => {
    const s = await page();
    s.controller.history.press(null);
    for (const seed of [1, 2, 3]) s.view.setState({ seed });
    s.controller.history.release();
    s.click({ selected: 2 });
    expect(s.list()).toBe('seed 0, [seed 3]');
    s.controller.history.undo();
    expect(s.view.getState()).toMatchObject({ seed: 0, selected: 0 });
    s.controller.history.redo();
    expect(s.view.getState()).toMatchObject({ seed: 3, selected: 2 });
  });

  test('a drag after undo begins anew and takes what was undone away', async () => {
    const s = await page();
    s.click({ seed: 5 });
    s.click({ seed: 6 });
    s.controller.history.undo();
    s.controller.history.press(null);
    for (const seed of [8, 9]) s.view.setState({ seed });
    expect(s.list()).toBe('seed 0, seed 5, [seed 9]');
  });

  test('another tab, and the page that settles on its model, are none', async () => {
    const s = await page({ model: null });
    expect(s.list()).toBe('[seed 0]');
    s.click({ tab: 'models' });
    expect(s.list()).toBe('[seed 0]');
    s.click({ tab: 'generate', seed: 4 });
    s.controller.history.undo();
    expect(s.view.getState()).toMatchObject({ tab: 'generate', seed: 0, model: 'afhq-cat-64x64-gdd-i' });
  });

  test('there is an end to what is remembered', async () => {
    const s = await page();
    for (let seed = 1; seed <= MAX_ENTRIES + 20; seed++) s.click({ seed });
    const { moments, current } = s.stores.history.getState();
    expect([moments.length, current]).toEqual([MAX_ENTRIES, MAX_ENTRIES - 1]);
    expect(moments[0]!.words).toBe('seed 21');
  });
});

describe('pictures of what was seen', () => {
  test('are of the selected image as the entry has it, not of one that came before', async () => {
    const s = await page();
    expect(s.red()).toEqual([10]);
    s.click({ seed: 17 });
    expect(s.red()).toEqual([10, null]); // the grid still shows the last one
    await s.made(20);
    expect(s.red()).toEqual([10, 20]);
    s.controller.history.undo();
    expect(s.red()).toEqual([10, 20]);
    await s.made(30);
    expect(s.red()).toEqual([30, 20]); // made again, it is what was seen last
  });

  test('are there at once where a change leaves the images as they are', async () => {
    const s = await page();
    s.click({ pins: [{ ...AS_USUAL, seed: 0, classIndex: 1 }] });
    expect(s.list()).toMatch(/, \[1 pin\]$/);
    expect(s.red()).toEqual([10, 10]);
  });
});

describe('marked entries', () => {
  const keeper = () => {
    const values = new Map<string, string>();
    const options: KeptOptions = {
      storage: {
        getItem: (key) => values.get(key) ?? null,
        setItem: (key, value) => void values.set(key, value),
      },
      write: (view) => formatHash({ ...defaultView(4), ...view, tab: 'generate' }, defaultView(4)),
      read: (fragment) => readHash(fragment, defaultView(4)).view,
    };
    return { values, options };
  };

  test('outlive the page with their picture and their view', async () => {
    const { options } = keeper();
    const s = await page({}, options);
    s.click({ seed: 17, classIndex: 2, mix: [{ index: 0, weight: 0.4 }] });
    await s.made(20);
    const marked = s.stores.history.getState().moments[1]!;
    expect(s.controller.history.keep(marked.id)).toContain('next visit');
    s.click({ seed: 50 });

    const next = await page({}, options);
    expect(next.list()).toBe('seed 17, [seed 0]');
    expect(next.red()[0]).toBe(20);
    next.controller.history.go(next.stores.history.getState().moments[0]!.id);
    expect(next.view.getState()).toMatchObject({ seed: 17, classIndex: 2, mix: [{ index: 0, weight: 0.4 }] });
    expect(next.controller.history.keep(next.stores.history.getState().moments[0]!.id)).toContain(
      'no longer',
    );
    expect((await page({}, options)).list()).toBe('[seed 0]');
  });

  test('say when the browser keeps nothing, and when a view cannot be kept', async () => {
    const { options } = keeper();
    const full: KeptOptions = {
      ...options,
      storage: {
        getItem: () => null,
        setItem: () => {
          throw new Error('QuotaExceededError');
        },
      },
    };
    const s = await page({}, full);
    const [first] = s.stores.history.getState().moments;
    expect(s.controller.history.keep(first!.id)).toContain('until the tab is closed');
    s.click({ own: [{ place: 0, classIndex: null, noise: { latent: 'mine', strokes: [] } }] });
    expect(s.controller.history.keep(s.stores.history.getState().moments[1]!.id)).toContain('does not keep');
    expect(s.stores.history.getState().moments[1]!.kept).toBe(false);
  });

  test('what is damaged or foreign in the browser’s storage is left out', async () => {
    const { values, options } = keeper();
    for (const text of ['', '{', 'null', '[1, {"link": 3}]', '{"a": 1}']) {
      values.set('innate.history', text);
      expect(readKept(options)).toEqual([]);
    }
    values.set(
      'innate.history',
      JSON.stringify([{ link: '#/generate?seed=4', words: 'w', resolution: 9, picture: 'AAAA' }]),
    );
    expect(readKept(options)).toMatchObject([{ words: 'w', picture: null, kept: true, state: { seed: 4 } }]);
    expect(writeKept({ ...options, storage: null }, [])).toBe(true);
  });

  test('there is room for so many', async () => {
    const { options } = keeper();
    const s = await page({}, options);
    for (let seed = 1; seed <= MAX_KEPT; seed++) {
      expect(s.controller.history.keep(s.stores.history.getState().moments.at(-1)!.id)).toContain(
        'is marked',
      );
      s.click({ seed });
    }
    expect(s.controller.history.keep(s.stores.history.getState().moments.at(-1)!.id)).toContain(
      `${MAX_KEPT} entries`,
    );
  });
});
