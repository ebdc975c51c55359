import { spawnSync } from 'node:child_process';
import { type Browser, launch, type Page } from 'puppeteer-core';

/**
 * A second browser with a WebGPU of its own: Firefox, driven over WebDriver BiDi. Playwright wants a build of its own;
 * puppeteer drives the one that is installed.
 */

/** The first release whose WebGPU can be had, and the preference for it, on Linux too (140 refuses: "not yet"). */
const FIRST_WITH_WEBGPU = 141;

/** Its path and main version; null where there is none. */
export function installedFirefox(): { path: string; version: number; webgpu: boolean } | null {
  for (const name of ['firefox-esr', 'firefox']) {
    const { status, stdout } = spawnSync('sh', ['-c', `command -v ${name} && ${name} --version`], {
      encoding: 'utf8',
    });
    if (status !== 0) continue;
    const [path, says] = stdout.trim().split('\n');
    const version = Number(says?.match(/(\d+)\./)?.[1] ?? 0);
    return { path: path!, version, webgpu: version >= FIRST_WITH_WEBGPU };
  }
  return null;
}

/** WebGPU in workers, on whatever Vulkan driver VK_ICD_FILENAMES names, in the one process that may load it. */
const PREFERENCES = {
  'dom.webgpu.enabled': true,
  'dom.webgpu.workers.enabled': true,
  'dom.webgpu.allow-in-parent': true,
  'dom.webgpu.wgpu-backend': 'vulkan',
  'gfx.webgpu.ignore-blocklist': true,
};

/** Milliseconds that a software adapter may take over the shaders of a run: five minutes on two idle cores, and other work may run. */
export const PATIENCE = 600_000;

export const launchFirefox = (executablePath: string): Promise<Browser> =>
  launch({
    browser: 'firefox',
    executablePath,
    headless: true,
    extraPrefsFirefox: PREFERENCES,
    protocolTimeout: PATIENCE,
    defaultViewport: { width: 1440, height: 900 },
  });

/** A page with the engine's settings in place; errors of the page are added to `complaints`. */
export async function openIn(
  browser: Browser,
  url: string,
  settings: Record<string, string>,
  complaints: string[],
): Promise<Page> {
  const page = await browser.newPage();
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  await page.evaluateOnNewDocument((entries) => {
    try {
      for (const [key, value] of Object.entries(entries)) localStorage.setItem(key, value);
    } catch {
      // The blank document before the page may not store anything.
    }
  }, settings);
  await page.goto(url);
  return page;
}

/** RGBA bytes of the picture whose accessible name matches, once it is there; null before. */
export const pixelsOf = (page: Page, name: string): Promise<number[] | null> =>
  page.evaluate((pattern) => {
    const canvas = [...document.querySelectorAll<HTMLCanvasElement>('canvas')].find((c) =>
      new RegExp(pattern).test(c.getAttribute('aria-label') ?? ''),
    );
    const context = canvas?.getContext('2d');
    return context ? [...context.getImageData(0, 0, canvas!.width, canvas!.height).data] : null;
  }, name);

export const textOf = (page: Page, selector: string): Promise<string> =>
  page.evaluate((s) => document.querySelector(s)?.textContent ?? '', selector);

/** Types a number into the field whose label matches. */
export async function setField(page: Page, label: string, value: number): Promise<void> {
  const found = await page.evaluate((pattern) => {
    const input = [...document.querySelectorAll('input')].find((i) =>
      new RegExp(pattern).test(i.getAttribute('aria-label') ?? i.labels?.[0]?.textContent ?? ''),
    );
    input?.focus();
    input?.select();
    return input !== undefined;
  }, label);
  if (!found) throw new Error(`no field ${label}`);
  await page.keyboard.type(String(value));
  await page.keyboard.press('Enter');
}

/** Presses a button once it can be pressed: a press of one that is disabled does nothing and says nothing. */
export async function press(page: Page, name: string): Promise<void> {
  const found = await page.waitForFunction(
    (wanted) =>
      [...document.querySelectorAll('button')].find((b) => b.textContent?.trim() === wanted && !b.disabled),
    { timeout: 60_000 },
    name,
  );
  await found.asElement()!.evaluate((button) => (button as HTMLButtonElement).click());
}
