import { copyFileSync, writeFileSync } from 'node:fs';
import { expect, type Page, test } from '@playwright/test';
import { writeNpy } from '../src/formats/npy';
import { commandLineImages, images, maxDifference, openApp, pixels, settled } from './app';
import { violations } from './axe';

/** What Generate can do beyond Seed and Class, on WebAssembly with the smallest network that comes with the page. */

const CLOTHES = '#/generate?model=fashion-mnist-32x32-gdd-i&count=4';
const open = (at = CLOTHES) => openApp({ at, backend: 'wasm' });

/** The picture of a strip, once it is drawn. */
async function drawn(page: Page, strip: string, index: number): Promise<number[]> {
  const canvas = page.getByRole('region', { name: strip }).locator('canvas').nth(index);
  await expect(canvas).not.toHaveAttribute('data-empty', '');
  return pixels(canvas);
}

test('pins stand in a strip, are in the link, outlive a reload, and are drawn from it to the bit', async () => {
  const app = await open();
  const { page } = app;
  try {
    await settled(page);
    const strip = page.getByRole('region', { name: 'Pinned' });
    await page.getByRole('button', { name: 'Select image 2' }).click();
    await page.keyboard.press('p');
    await expect(page.getByRole('button', { name: 'Pin image' })).toHaveAttribute('aria-pressed', 'true');
    await expect(strip).toHaveCount(0); // one pin changes nothing of the first view
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('p');
    await expect(strip.getByRole('listitem')).toHaveCount(2);
    const grid = [
      await pixels(images(page, /seed 1,/).first()),
      await pixels(images(page, /seed 2,/).first()),
    ];
    expect(await drawn(page, 'Pinned', 0)).toEqual(grid[0]);
    expect(await drawn(page, 'Pinned', 1)).toEqual(grid[1]);
    await expect(page).toHaveURL(/pins=1@class=\d;2@class=\d/);

    // Made anew from the link alone, while the grid shows other seeds with another class.
    await page.evaluate(() => {
      location.hash = location.hash.replace('seed=0', 'seed=40&class=3');
    });
    await page.reload();
    await settled(page);
    expect(await drawn(page, 'Pinned', 0)).toEqual(grid[0]);
    expect(await drawn(page, 'Pinned', 1)).toEqual(grid[1]);

    // A pin is shown as it was, and let go with a key.
    await strip.getByRole('button', { name: /^Show pinned seed 2,/ }).click();
    await expect(images(page, /seed 2,/).first()).toBeVisible();
    await settled(page);
    expect(
      maxDifference(await pixels(page.locator('.image-grid canvas').first()), grid[1]!),
    ).toBeLessThanOrEqual(1);
    await strip.getByRole('button', { name: /^Show pinned seed 1,/ }).press('Delete');
    await expect(strip).toHaveCount(0);
    await expect(page).toHaveURL(/pins=2@class=\d(&|$)/);
    expect(app.complaints).toEqual([]);
  } finally {
    await app.close();
  }
});

test('classes are mixed with a slider and a temperature is set: the pixels are the command line’s, the link brings them back', async () => {
  const app = await open(`${CLOTHES}&class=1`);
  const { page } = app;
  try {
    await settled(page);
    const first = () => pixels(page.locator('.image-grid canvas').first());
    const plain = await first();
    // By keyboard alone: the door, the second class, the weight.
    await page.getByRole('button', { name: 'Mix with another class' }).press('Enter');
    const second = page.getByRole('combobox', { name: 'Second class' });
    await second.selectOption({ label: '7  sneaker' });
    expect(await first()).toEqual(plain); // nothing is mixed in before somebody says how much
    const mix = page.getByRole('slider', { name: 'Mix', exact: true });
    await mix.focus();
    for (let i = 0; i < 8; i++) await page.keyboard.press('ArrowRight');
    await page.getByRole('textbox', { name: 'Temperature value' }).fill('0.8');
    await page.keyboard.press('Enter');
    const name = /seed 0, class 0.6 trouser, 0.4 sneaker$/;
    await expect(images(page, name)).toBeVisible();
    await expect(page).toHaveURL(/class=1&mix=7:0\.4&count=4&temperature=0\.8/);
    await settled(page);
    await expect.poll(first).not.toEqual(plain);
    const made = commandLineImages(
      'fashion-mnist-32x32-gdd-i',
      [0, 1],
      ...['--class', 'trouser:0.6,sneaker:0.4', '--temperature', '0.8', '--backend', 'wasm'],
    );
    await expect
      .poll(async () => maxDifference(await first(), made[0]!), { timeout: 60_000 })
      .toBeLessThanOrEqual(1);
    await page.reload();
    await settled(page);
    await expect(images(page, name)).toBeVisible();
    await expect.poll(async () => maxDifference(await first(), made[0]!)).toBeLessThanOrEqual(1);
    // Out of the mix again: the door closes.
    await page.getByRole('button', { name: 'Take sneaker out of the mix' }).click();
    await expect(page.getByRole('button', { name: 'Mix with another class' })).toBeVisible();
    await expect(page).not.toHaveURL(/mix=/);
    expect(app.complaints).toEqual([]);
  } finally {
    await app.close();
  }
});

test('undo and redo walk through what was seen; a drag is one step; what is marked outlives a reload', async () => {
  const app = await open(`${CLOTHES}&class=1`);
  const { page } = app;
  try {
    await settled(page);
    const first = () => pixels(page.locator('.image-grid canvas').first());
    const history = page.getByRole('region', { name: 'History' });
    const seed = page.getByRole('slider', { name: 'Seed' });
    await expect(history).toHaveCount(0); // nothing was changed yet
    const before = await first();

    const box = (await seed.boundingBox())!;
    await page.mouse.move(box.x + 20, box.y + 10);
    await page.mouse.down();
    for (const x of [60, 100, 140]) await page.mouse.move(box.x + x, box.y + 10);
    await page.mouse.up();
    await expect(history.getByRole('listitem')).toHaveCount(2);
    await settled(page);
    await expect.poll(first).not.toEqual(before);
    const dragged = await first();
    await page.getByRole('button', { name: /^Random seed/ }).click();
    await expect(history.getByRole('listitem')).toHaveCount(3);
    await settled(page);
    await expect.poll(first).not.toEqual(dragged);

    await page.keyboard.press('Control+z');
    await expect.poll(first, { timeout: 60_000 }).toEqual(dragged);
    await page.keyboard.press('Control+z');
    await expect.poll(first, { timeout: 60_000 }).toEqual(before);
    await expect(history.getByRole('button', { name: 'Undo' })).toBeDisabled();
    await page.keyboard.press('Control+Shift+Z');
    await expect.poll(first, { timeout: 60_000 }).toEqual(dragged);
    // The small picture is the selected image.
    const tile = history.locator('li').nth(1).locator('canvas');
    await expect.poll(() => pixels(tile)).toEqual(dragged);

    // By keyboard: mark it; it is there after a reload, with its picture, and comes back at a press.
    await history
      .getByRole('button', { name: /^Go to/ })
      .nth(1)
      .press('b');
    await expect(history.getByRole('button', { name: /^Mark/ }).nth(1)).toHaveAttribute(
      'aria-pressed',
      'true',
    );
    await page.evaluate((hash) => {
      location.hash = hash;
    }, CLOTHES);
    await page.reload();
    await settled(page);
    await expect(history.getByRole('listitem')).toHaveCount(2);
    const marked = history.getByRole('button', { name: /, marked$/ });
    await expect.poll(() => pixels(history.locator('li').nth(1).locator('canvas'))).toEqual(dragged);
    await marked.click();
    await expect(page).toHaveURL(/class=1/);
    await expect.poll(first, { timeout: 60_000 }).toEqual(dragged);
    expect(app.complaints).toEqual([]);
  } finally {
    await app.close();
  }
});

test('the teacher stands beside the student on the same seed, with both times, and all of them in Compare', async () => {
  const app = await open(`${CLOTHES}&class=1&selected=1`);
  const { page } = app;
  try {
    await settled(page);
    const door = page.getByRole('checkbox', { name: 'Teacher beside student' });
    await door.focus();
    await page.keyboard.press('Space');
    const pair = page.getByRole('region', { name: 'Teacher beside student' });
    await expect(pair.getByText('35 NFE')).toBeVisible({ timeout: 120_000 });
    await expect(pair.getByText('1 NFE', { exact: true })).toBeVisible();
    await expect(pair.locator('.reading')).toHaveText([/^[\d.,]+ms$/, /^[\d.,]+ms$/]);
    const [student, teacher] = [pair.locator('canvas').nth(0), pair.locator('canvas').nth(1)];
    expect(await pixels(student)).toEqual(await pixels(page.locator('.image-grid canvas').nth(1)));
    const made = commandLineImages(
      'fashion-mnist-32x32-teacher',
      [1],
      ...['--class', '1', '--sampler', 'heun', '--steps', '18', '--backend', 'wasm'],
    );
    expect(maxDifference(await pixels(teacher), made[0]!)).toBeLessThanOrEqual(1);

    await pair.getByRole('button', { name: 'All 4 in Compare' }).click();
    await expect(page).toHaveURL(
      /mode=compare&row=fashion-mnist-32x32-gdd-i&row=fashion-mnist-32x32-teacher@heun:18/,
    );
    await page.keyboard.press('Control+z');
    await expect(pair.getByText('35 NFE')).toBeVisible({ timeout: 120_000 });
    expect(app.complaints).toEqual([]);
  } finally {
    await app.close();
  }
});

test('noise of one’s own: a latent of a file, and painting, by pointer and keys; what is saved gives the same image at the command line', async () => {
  const app = await open(`${CLOTHES}&class=1`);
  const { page } = app;
  try {
    await settled(page);
    const first = () => pixels(page.locator('.image-grid canvas').first());
    const plain = await first();
    await page.getByRole('checkbox', { name: 'Noise of this image' }).press('Space');
    const noise = page.getByRole('application', { name: /^Noise/ });
    const box = (await noise.boundingBox())!;
    await page.mouse.move(box.x + 60, box.y + 60);
    await page.mouse.down();
    await page.mouse.move(box.x + 120, box.y + 120, { steps: 6 });
    await page.mouse.up();
    const history = page.getByRole('region', { name: 'History' });
    await expect(history.getByRole('listitem')).toHaveCount(2); // the whole stroke
    await expect.poll(first, { timeout: 60_000 }).not.toEqual(plain);
    await noise.focus();
    await page.keyboard.press('ArrowLeft');
    await page.keyboard.press('Space');
    await expect(history.getByRole('listitem')).toHaveCount(3);
    await expect(page).toHaveURL(/own=0@paint=\d+\.4\.100\.[\d.]+_\d+/);
    await settled(page);
    const downloading = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Save as .npy' }).click();
    const download = await downloading;
    expect(download.suggestedFilename()).toBe('latent-seed-0-painted.npy');
    const file = await download.path();
    const latent = `${file}.npy`;
    copyFileSync(file, latent);
    const args = ['--class', '1', '--backend', 'wasm', '--latent', latent];
    const [made] = commandLineImages('fashion-mnist-32x32-gdd-i', [0], ...args);
    await expect
      .poll(async () => maxDifference(await first(), made!), { timeout: 60_000 })
      .toBeLessThanOrEqual(1);

    // The link paints it again; the file in place of it is the same noise.
    await page.reload();
    await settled(page);
    await expect.poll(async () => maxDifference(await first(), made!)).toBeLessThanOrEqual(1);
    await page.getByRole('button', { name: 'Back to the seed’s' }).click();
    await expect.poll(first, { timeout: 60_000 }).toEqual(plain);
    await page.getByRole('checkbox', { name: 'Noise of this image' }).check();
    await page.getByLabel('Open a latent').setInputFiles(latent);
    await expect(images(page, /latent, seed 0, class trouser/)).toBeVisible({ timeout: 60_000 });
    await expect.poll(async () => maxDifference(await first(), made!)).toBeLessThanOrEqual(1);

    // What does not fit says what was expected and found.
    const small = `${file}-small.npy`;
    writeFileSync(small, writeNpy({ dtype: 'f32', shape: [3, 8, 8], data: new Float32Array(192) }));
    await page.getByLabel('Open a latent').setInputFiles(small);
    await expect(page.getByText(/expected \[1, 1, 32, 32\].*found \[3, 8, 8\]/)).toBeVisible();
    expect(app.complaints).toEqual([]);
  } finally {
    await app.close();
  }
});

for (const scheme of ['light', 'dark'] as const)
  test(`axe finds nothing where all of it is open, on a phone too (${scheme})`, async () => {
    const at = `${CLOTHES}&class=1&mix=7:0.4,3:0.1&temperature=0.9&pins=1@class=2;2&own=0@paint=5.4.100.9.9`;
    const app = await openApp({ at, backend: 'wasm', context: { colorScheme: scheme } });
    const { page } = app;
    try {
      await settled(page);
      await page.keyboard.press('r');
      await expect(page.getByRole('region', { name: 'History' })).toBeVisible();
      await page.getByRole('checkbox', { name: 'Teacher beside student' }).check();
      await expect(page.getByRole('application', { name: /^Noise/ })).toBeVisible();
      await settled(page);
      expect(await violations(page)).toEqual([]);
      await page.setViewportSize({ width: 390, height: 844 });
      await expect(page.getByRole('region', { name: 'Pinned' })).toBeVisible();
      expect(await violations(page)).toEqual([]);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth);
      expect(wide).toBe(390); // nothing scrolls sideways
    } finally {
      await app.close();
    }
  });
