import { type CDPSession, expect, test } from '@playwright/test';
import { type App, images, openApp, pixels, settled } from './app';

let app: App;
test.afterEach(() => app?.close());

const CLOTHES = '#/generate?model=fashion-mnist-32x32-gdd-i';
const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };

test('a mouse that rests on an image sees it twice as large beside the pointer, until it goes', async () => {
  app = await openApp({ at: `${CLOTHES}&count=4`, backend: 'wasm' });
  const { page } = app;
  await settled(page);
  const image = images(page, /seed 0\b/);
  const box = (await image.boundingBox())!;
  const large = page.locator('.magnifier canvas');
  await page.mouse.move(box.x + 20, box.y + 20);
  await expect(large).toBeVisible();
  expect((await large.boundingBox())!.width).toBe(2 * box.width);
  expect(await pixels(large)).toEqual(await pixels(image));
  expect(await large.evaluate((e) => getComputedStyle(e).imageRendering)).toBe('pixelated');
  // Another image: that one; smooth where pixels are smoothed; for the eye alone.
  await page.mouse.move(box.x + box.width + 30, box.y + 30, { steps: 3 });
  await expect
    .poll(async () => String(await pixels(large)))
    .toBe(String(await pixels(images(page, /seed 1\b/))));
  await expect(page.locator('.magnifier')).toHaveAttribute('aria-hidden', 'true');
  await page.mouse.down();
  await expect(large).toHaveCount(0);
  await page.mouse.up();
  await page.mouse.move(5, 5);
  await page.keyboard.press('s');
  await page.mouse.move(box.x + 20, box.y + 20, { steps: 3 });
  await expect(large).toBeVisible();
  expect(await large.evaluate((e) => getComputedStyle(e).imageRendering)).toBe('auto');
});

/** Fingers at these points; none = all have gone. */
const touch = (
  devtools: CDPSession,
  type: 'touchStart' | 'touchMove' | 'touchEnd',
  ...touchPoints: { x: number; y: number }[]
) => devtools.send('Input.dispatchTouchEvent', { type, touchPoints });

test('on a phone: two fingers set the size of the images, one that rests pins, a tap opens', async () => {
  app = await openApp({ at: `${CLOTHES}&count=12`, backend: 'wasm', context: PHONE });
  const { page, context } = app;
  await settled(page);
  const devtools = await context.newCDPSession(page);
  const first = images(page, /seed 0\b/);
  const width = async () => (await first.boundingBox())!.width;
  const before = await width();
  const pinch = async (from: number, to: number) => {
    const box = (await first.boundingBox())!;
    const y = box.y + box.height / 2;
    const at = (apart: number) => [
      { x: 180 - apart / 2, y },
      { x: 180 + apart / 2, y },
    ];
    await touch(devtools, 'touchStart', ...at(from));
    for (let i = 1; i <= 4; i++) await touch(devtools, 'touchMove', ...at(from + ((to - from) * i) / 4));
    await touch(devtools, 'touchEnd');
  };
  await pinch(80, 120);
  await expect.poll(width).toBeGreaterThan(before);
  await pinch(120, 80);
  await expect.poll(width).toBe(before);
  // The page itself keeps its size.
  expect(await page.evaluate(() => visualViewport?.scale)).toBe(1);

  const box = (await images(page, /seed 1\b/).boundingBox())!;
  const point = { x: box.x + box.width / 2, y: box.y + box.height / 2 };
  await touch(devtools, 'touchStart', point);
  await expect(page.getByText(/pinned/i).first()).toBeVisible();
  await touch(devtools, 'touchEnd');
  await expect(page).toHaveURL(/pins=/);
  await expect(page.getByRole('dialog')).toHaveCount(0); // the hold is no tap
  await page.touchscreen.tap(point.x, point.y);
  await expect(page.getByRole('dialog', { name: 'Selected image' })).toBeVisible();
});

test('with reduced motion nothing takes time to change', async () => {
  app = await openApp({ at: `${CLOTHES}&count=1`, backend: 'wasm', context: { reducedMotion: 'reduce' } });
  const { page } = app;
  await settled(page);
  for (const tab of ['Generate', 'Distil', 'Layers', 'Models']) {
    await page.getByRole('tab', { name: tab }).click();
    await expect(page.getByRole('heading', { level: 1, name: tab })).toBeAttached();
    const moving = await page.evaluate(() =>
      [...document.querySelectorAll('*')].flatMap((element) => {
        const { transitionDuration, animationDuration, animationName } = getComputedStyle(element);
        const slow = [transitionDuration, animationName === 'none' ? '0s' : animationDuration]
          .join()
          .split(',')
          .some((duration) => Number.parseFloat(duration) > 0);
        return slow ? [element.className] : [];
      }),
    );
    expect(moving).toEqual([]);
  }
});
