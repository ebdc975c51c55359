import type { Page } from 'playwright-core';
import { InnateError } from '../src/lib/errors';
import { INPUT_TO_PICTURE, type InputToPicture } from '../src/lib/input-to-picture';
import { type AdapterChoice, launch } from './browser';
import { table } from './report';
import { median } from './statistics';

/** How a slider is dragged: as fast as a screen of 60 Hz hears of it, a seed each time. */
const DRAG = { moves: 45, everyMs: 1000 / 60 };

export type PageBackend = 'wasm' | 'webgpu';

export interface LatencyRow {
  backend: PageBackend;
  /** What the page says that it runs on. */
  adapter: string;
  images: number;
  /** Of the selected image, over all inputs of all drags, ms. */
  median: number;
  p90: number;
  /** Pictures of the selected image that were painted a second while dragging. */
  perSecond: number;
  /** From the last input of a drag until all images in view were painted, ms; median of the drags. */
  rest: number;
}

interface Measured extends InputToPicture {
  start: number;
  ms: number;
}

interface Options {
  /** Address of the built page. */
  url: string;
  model: string;
  adapter: AdapterChoice;
  backends: readonly PageBackend[];
  counts: readonly number[];
  /** Drags of each row, after one that warms up. */
  drags: number;
  progress: (line: string) => void;
}

/** Drags Seed in the built page, and reads what the page measures of itself (src/app/latency.ts). */
export async function measureLatency(options: Options): Promise<LatencyRow[]> {
  const rows: LatencyRow[] = [];
  for (const backend of options.backends)
    for (const images of options.counts) {
      options.progress(`${backend}, ${images} images`);
      rows.push(await measureRow(options, backend, images));
    }
  return rows;
}

async function measureRow(
  { url, model, adapter, drags }: Options,
  backend: PageBackend,
  images: number,
): Promise<LatencyRow> {
  const browser = await launch(adapter, false);
  try {
    const context = await browser.newContext({
      viewport: { width: 1440, height: 900 },
      serviceWorkers: 'block',
    });
    await context.addInitScript((choice) => localStorage.setItem('innate.backend', choice), backend);
    const page = await context.newPage();
    await page.goto(`${url}#/generate?model=${model}&count=${images}`);
    await settled(page);
    await runsOn(page, backend);
    await observe(page);
    await drag(page, 0); // compiles what other batch sizes need
    await settled(page);
    await take(page);
    const all: Measured[] = [];
    const rests: number[] = [];
    let seconds = 0;
    for (let i = 1; i <= drags; i++) {
      seconds += await drag(page, i);
      await settled(page);
      await allTold(page);
      const measured = await take(page);
      const last = measured.filter(({ what, own }) => what === 'all' && own).at(-1);
      if (!last) throw new InnateError('backend', 'no picture came of a drag', { where: backend });
      rests.push(last.ms);
      all.push(...measured.filter(({ what }) => what === 'selected'));
    }
    const times = all.map(({ ms }) => ms).sort((a, b) => a - b);
    const label = await page.locator('[role="status"] b').first().textContent();
    return {
      backend,
      // Chromium has one name for its software adapter, whichever driver stands behind it.
      adapter: backend === 'webgpu' && adapter !== 'hardware' ? adapter : (label ?? ''),
      images,
      median: median(times),
      p90: times[Math.floor(0.9 * (times.length - 1))]!,
      perSecond: all.filter(({ own }) => own).length / seconds,
      rest: median(rests),
    };
  } finally {
    await browser.close();
  }
}

/** The page falls to WebAssembly where an adapter fails; a row of another back-end than it says would be a lie. */
async function runsOn(page: Page, backend: PageBackend): Promise<void> {
  const found = (await page.locator('[role="status"]').first().textContent()) ?? '';
  const expected = { wasm: 'WebAssembly', webgpu: 'WebGPU' }[backend];
  if (!found.includes(expected))
    throw new InnateError('backend', 'the page runs on another back-end', { expected, found });
}

/** Nothing is made any more: the page has the picture of the last input. */
async function settled(page: Page): Promise<void> {
  await page.waitForFunction(
    () => /\d\s*ms/.test(document.querySelector('[role="status"]')?.textContent ?? ''),
    undefined,
    { timeout: 120_000 },
  );
  await page.waitForFunction(
    () => {
      const seed = (document.querySelector('input[aria-label="Seed value"]') as HTMLInputElement | null)
        ?.value;
      const names = [...document.querySelectorAll('.image-grid canvas')].map((c) =>
        c.getAttribute('aria-label'),
      );
      return (
        names.length > 0 &&
        names.every((name, i) => name?.match(/seed (\d+)/)?.[1] === String(Number(seed) + i))
      );
    },
    undefined,
    { timeout: 120_000 },
  );
}

const observe = (page: Page): Promise<void> =>
  page.evaluate((name) => {
    const measured: unknown[] = [];
    new PerformanceObserver((list) => {
      for (const entry of list.getEntriesByName(name))
        measured.push({
          ...(entry as PerformanceMeasure).detail,
          start: entry.startTime,
          ms: entry.duration,
        });
    }).observe({ type: 'measure' });
    Object.assign(globalThis, { measured });
  }, INPUT_TO_PICTURE);

/** The last picture that came was painted and told of: that is a frame later than its name stands in the page. */
const allTold = (page: Page): Promise<unknown> =>
  page.waitForFunction(() => {
    const { measured } = globalThis as unknown as { measured: Measured[] };
    const field = document.querySelector<HTMLInputElement>('input[aria-label="Seed value"]');
    return measured.some(({ what, own, seed }) => what === 'all' && own && seed === Number(field?.value));
  });

const take = (page: Page): Promise<Measured[]> =>
  page.evaluate(() => (globalThis as unknown as { measured: Measured[] }).measured.splice(0));

/** Drags Seed from one end towards the other; every other time back. Gives the seconds that it took. */
async function drag(page: Page, turn: number): Promise<number> {
  const box = await page.getByRole('slider', { name: 'Seed', exact: true }).boundingBox();
  if (!box) throw new InnateError('backend', 'the page shows no slider for Seed');
  const seed = (box.width - 12) / 64; // the scale has 64 seeds between the halves of the marker
  const at = (move: number) => box.x + 6 + seed * (turn % 2 ? DRAG.moves - move + 4 : move + 4);
  const y = box.y + box.height / 2;
  await page.mouse.move(at(0), y);
  await page.mouse.down();
  const started = performance.now();
  for (let move = 1; move <= DRAG.moves; move++) {
    const due = started + move * DRAG.everyMs - performance.now();
    if (due > 0) await new Promise((resolve) => setTimeout(resolve, due));
    await page.mouse.move(at(move), y);
  }
  const seconds = (performance.now() - started) / 1000;
  await page.mouse.up();
  return seconds;
}

export const latencyTable = (rows: readonly LatencyRow[]): string =>
  table([
    ['back-end', 'images', 'median ms', '90 % ms', 'pictures/s', 'all at rest ms', 'adapter'],
    ...rows.map((row) => [
      row.backend,
      String(row.images),
      row.median.toFixed(0),
      row.p90.toFixed(0),
      row.perSecond.toFixed(1),
      row.rest.toFixed(0),
      row.adapter,
    ]),
  ]);
