import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, statSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, chromium, expect, test } from '@playwright/test';
import { configFromKwargs } from '../src/nn/config';
import { syntheticPickle } from '../tests/support/synthetic-pickle';
import { PublicHosts } from './public-hosts';
import { serveDist } from './server';

const wanted = process.env.INNATE_LONG_TESTS === '1';

/** The published ImageNet-64 network: 296 M parameters. */
const ADM = configFromKwargs(
  new Map<string, unknown>([
    ['img_resolution', 64],
    ['img_channels', 3],
    ['label_dim', 1000],
    ['model_type', 'DhariwalUNet'],
    ['model_channels', 192],
    ['channel_mult', [1, 2, 3, 4]],
    ['num_blocks', 3],
    ['attn_resolutions', [32, 16, 8]],
  ]),
  'EDMPrecond',
);

/** Most resident memory of any renderer so far, bytes, as the kernel counts it. */
async function rendererPeak(browser: Browser): Promise<number> {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send('SystemInfo.getProcessInfo');
  const peaks = processInfo
    .filter(({ type }) => type === 'renderer')
    .map(({ id }) => {
      const line = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${id}/status`, 'utf8'));
      return Number(line?.[1] ?? 0) * 1024;
    });
  return Math.max(...peaks);
}

test('a checkpoint of 1.2 GB comes and is converted in little memory', async () => {
  test.skip(!wanted, 'skipped: a checkpoint of 1.2 GB (INNATE_LONG_TESTS=1 runs it, on 3 GB of disk)');
  test.setTimeout(1_200_000);
  const folder = mkdtempSync(join(tmpdir(), 'innate-large-'));
  const path = join(folder, 'adm.pkl');
  const out = openSync(path, 'w');
  for (const piece of syntheticPickle(ADM)) writeSync(out, piece);
  closeSync(out);
  const { size } = statSync(path);
  const hosts = await PublicHosts.open({ path, length: size });
  const host = await serveDist();
  // A profile on the disk: private windows, which tests have elsewhere, keep their files in memory.
  const context = await chromium.launchPersistentContext(join(folder, 'profile'), {
    executablePath: process.env.INNATE_CHROMIUM_STOCK!,
    args: ['--no-sandbox', '--disable-features=WebGPU', '--disable-gpu', ...hosts.args],
    ignoreHTTPSErrors: true,
    serviceWorkers: 'block',
  });
  try {
    const page = context.pages()[0]!;
    await page.goto(`${host.url}#/models`);
    await page
      .getByRole('textbox', { name: /\.pkl, \.pt or \.safetensors/ })
      .fill('https://huggingface.co/some/where/resolve/main/adm.pkl');
    await page.getByRole('button', { name: 'Download', exact: true }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Download' }).click();
    // The person goes elsewhere, so that the network is not loaded onto the engine when it is there.
    await page.getByRole('tab', { name: 'Distil' }).click();
    const started = Date.now();
    await expect(page.getByText('adm.pkl is on this device.')).toBeVisible({ timeout: 900_000 });
    const peak = await rendererPeak(context.browser()!);
    const half = size / 2;
    console.log(
      `${Math.round(size / 1e6)} MB, ${((Date.now() - started) / 1000).toFixed(0)} s, renderer at most ${Math.round(peak / 1e6)} MB`,
    );
    expect(peak).toBeLessThan(1.2 * half + 300e6);
  } finally {
    await context.close();
    host.close();
    hosts.close();
    rmSync(folder, { recursive: true, force: true });
  }
});
