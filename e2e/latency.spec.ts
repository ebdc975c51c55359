import { expect, test } from '@playwright/test';
import { INPUT_TO_PICTURE, type InputToPicture } from '../src/lib/input-to-picture';
import { type App, images, openApp, settled } from './app';

let app: App;
test.afterEach(() => app?.close());

const CLOTHES = '#/generate?model=fashion-mnist-32x32-gdd-i';

test('a drag is measured from the pointer to the painted picture, down to its last input', async () => {
  app = await openApp({ at: `${CLOTHES}&count=2`, backend: 'wasm' });
  const { page } = app;
  await settled(page);
  await page.evaluate((name) => {
    const measured: object[] = [];
    new PerformanceObserver((list) => {
      for (const entry of list.getEntriesByName(name))
        measured.push({ ...(entry as PerformanceMeasure).detail, ms: entry.duration });
    }).observe({ type: 'measure' });
    Object.assign(globalThis, { measured });
  }, INPUT_TO_PICTURE);
  const slider = (await page.getByRole('slider', { name: 'Seed', exact: true }).boundingBox())!;
  const y = slider.y + slider.height / 2;
  await page.mouse.move(slider.x + 20, y);
  await page.mouse.down();
  for (let x = 24; x <= 120; x += 8) await page.mouse.move(slider.x + x, y);
  await page.mouse.up();
  const seed = Number(await page.getByRole('textbox', { name: 'Seed value' }).inputValue());
  await expect(images(page, new RegExp(`seed ${seed + 1}\\b`))).toHaveCount(1);
  const read = () =>
    page.evaluate(
      () => (globalThis as unknown as { measured: (InputToPicture & { ms: number })[] }).measured,
    );
  await expect.poll(async () => (await read()).filter(({ what }) => what === 'all').at(-1)?.seed).toBe(seed);
  const measured = await read();
  for (const { ms } of measured) expect(ms).toBeGreaterThan(0);
  // Each seed that the pointer passed has its time, its own picture's or a later one's.
  const selected = measured.filter(({ what }) => what === 'selected');
  expect(selected.at(-1)).toMatchObject({ seed, own: true });
  expect(new Set(selected.map((m) => m.seed)).size).toBeGreaterThan(5);
});

test('the selected image is made first, then what is in view, then what is scrolled out of sight', async () => {
  app = await openApp({
    at: `${CLOTHES}&count=24&selected=4`,
    backend: 'wasm',
    context: { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true },
  });
  const { page } = app;
  await settled(page);
  await expect(images(page, /seed 23\b/)).toHaveCount(1);
  const seen = await page.evaluate(() => {
    const canvases = [...document.querySelectorAll('.image-grid canvas')];
    const order: number[] = [];
    for (const [i, canvas] of canvases.entries())
      new MutationObserver(() => order.push(i)).observe(canvas, { attributeFilter: ['aria-label'] });
    Object.assign(globalThis, { order });
    return canvases.flatMap((canvas, i) => {
      const { top, bottom } = canvas.getBoundingClientRect();
      return bottom > 0 && top < innerHeight ? [i] : [];
    });
  });
  expect(seen.length).toBeGreaterThan(2);
  expect(seen.length).toBeLessThan(24);
  await page.keyboard.press('.');
  await expect(images(page, /seed 24\b/)).toHaveCount(1);
  const order = await page.evaluate(() => [...new Set((globalThis as unknown as { order: number[] }).order)]);
  expect(order).toHaveLength(24);
  expect(order[0]).toBe(4);
  expect(order.slice(0, seen.length).sort((a, b) => a - b)).toEqual(seen);
});
