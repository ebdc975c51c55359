import { spawnSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, BrowserContext, BrowserContextOptions, Locator, Page } from '@playwright/test';
import { expect } from '@playwright/test';
import { fileSource } from '../cli/files';
import { readFloat32 } from '../src/formats/tensor';
import { readNpz } from '../tests/support/npz';
import { type Adapter, launchChromium, quietContext } from './chromium';
import { type StaticHost, serveDist } from './server';

export interface App {
  browser: Browser;
  context: BrowserContext;
  page: Page;
  host: StaticHost;
  /** Requests that left the page's own origin. */
  foreign: string[];
  /** Errors on the console or uncaught. */
  complaints: string[];
  close(): Promise<void>;
}

export interface AppOptions {
  adapter?: Adapter;
  /** Fragment such as '#/generate?seed=3'. */
  at?: string;
  backend?: 'auto' | 'webgpu' | 'wasm';
  context?: BrowserContextOptions;
  host?: Parameters<typeof serveDist>[0];
  /** Further arguments of the browser. */
  args?: readonly string[];
  /** Before anything is loaded. */
  prepare?: (page: Page) => Promise<void>;
}

/** The built page in a fresh browser. */
export async function openApp({
  adapter = 'fast',
  at = '',
  backend,
  context: extra,
  host: hosting,
  args,
  prepare,
}: AppOptions = {}): Promise<App> {
  const host = await serveDist(hosting);
  const browser = await launchChromium(adapter, args);
  const context = await browser.newContext({
    viewport: { width: 1440, height: 900 },
    ...quietContext,
    ...extra,
  });
  if (backend) await context.addInitScript((value) => localStorage.setItem('innate.backend', value), backend);
  const page = await context.newPage();
  await prepare?.(page);
  const foreign: string[] = [];
  const complaints: string[] = [];
  const origin = new URL(host.url).origin;
  context.on('request', (r) => {
    if (!r.url().startsWith(origin) && !/^(blob|data):/.test(r.url())) foreign.push(r.url());
  });
  page.on('pageerror', (e) => complaints.push(String(e)));
  page.on('console', (m) => {
    if (m.type() === 'error') complaints.push(m.text());
  });
  await page.goto(host.url + at);
  const close = async () => {
    await browser.close();
    host.close();
  };
  return { browser, context, page, host, foreign, complaints, close };
}

/** Generated images of the grid; `name` must match the accessible name. */
export const images = (page: Page, name: RegExp | string): Locator => page.getByRole('img', { name });

/** Waits until a forward pass has been made and nothing is being made any more. */
export async function settled(page: Page): Promise<void> {
  await expect(page.getByRole('status').first()).toContainText(/\d\s*ms/, { timeout: 120_000 });
  await expect(page.locator('[aria-busy="true"]')).toHaveCount(0, { timeout: 120_000 });
}

/** RGBA bytes of a generated image's canvas. */
export function pixels(image: Locator): Promise<number[]> {
  return image.evaluate((element) => {
    const canvas = element as HTMLCanvasElement;
    return [...canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height).data];
  });
}

/** Images of `innate generate`, [N][pixels * channels]. */
export function commandLineImages(model: string, seeds: number[], ...args: string[]): number[][] {
  const file = join(mkdtempSync(join(tmpdir(), 'innate-e2e-')), 'images.npz');
  const bin = join(import.meta.dirname, '../build/cli/innate.mjs');
  const run = spawnSync(
    process.execPath,
    [bin, 'generate', model, '--seeds', seeds.join(), '--out', file, ...args],
    {
      encoding: 'utf8',
    },
  );
  expect(run.status, run.stderr).toBe(0);
  const array = readFloat32(readNpz(fileSource(file)).get('images')!);
  const size = array.length / seeds.length;
  return seeds.map((_, i) => [...array.subarray(i * size, (i + 1) * size)]);
}

/** Largest difference of an RGBA image to the command line's bytes (1 or 3 channels). */
export function maxDifference(rgba: number[], bytes: number[]): number {
  const count = rgba.length / 4;
  const channels = bytes.length / count;
  let max = 0;
  for (let p = 0; p < count; p++)
    for (let c = 0; c < 3; c++)
      max = Math.max(max, Math.abs(rgba[4 * p + c]! - bytes[p * channels + (channels === 1 ? 0 : c)]!));
  return max;
}

/** Runs `script` at the head of a worker: the engine's, or another one's file. */
export const inWorker = async (
  page: Page,
  script: string,
  file = /\/assets\/worker-.*\.js$/,
): Promise<void> => {
  await page.route(file, async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, body: `${script}\n${await response.text()}` });
  });
};
