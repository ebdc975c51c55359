import { spawn } from 'node:child_process';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { expect, test } from '@playwright/test';
import { type App, images, openApp, settled } from './app';
import { launchChromium } from './chromium';

let app: App;
test.afterEach(() => app?.close());

test('under a sub-path of a plain host: isolated by the service worker, and offline after the first visit', async () => {
  app = await openApp({
    at: '#/generate?count=1',
    host: { subPath: '/some/where/', isolated: false },
    context: { serviceWorkers: 'allow' },
  });
  const { page, context, foreign } = app;
  await settled(page);
  // The page reloads itself once the service worker is there: a question put to it just then has to be put again.
  await page.waitForFunction(() => crossOriginIsolated, undefined, { timeout: 60_000 });
  await settled(page);
  await context.setOffline(true);
  await page.reload();
  await settled(page);
  await expect(images(page, /seed 0$/)).toHaveCount(1);
  expect(await page.evaluate(() => crossOriginIsolated)).toBe(true);
  expect(foreign).toEqual([]);
});

/** `npm start` on a free port; it is a process of its own and can be stopped. */
async function npmStart(): Promise<{ url: string; stop: () => Promise<void> }> {
  const port = await freePort();
  const server = spawn('npm', ['start'], {
    cwd: join(import.meta.dirname, '..'),
    env: { ...process.env, PORT: String(port) },
    detached: true, // a group of its own: npm, its shell and the server end together
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const url = `http://localhost:${port}/`;
  await new Promise<void>((resolve, reject) => {
    let said = '';
    server.stdout.on('data', (text) => {
      said += text;
      if (said.includes(String(port))) resolve();
    });
    server.once('exit', () => reject(new Error(`npm start ended: ${said}`)));
  });
  const stop = () =>
    new Promise<void>((resolve) => {
      server.removeAllListeners('exit');
      server.once('close', () => resolve());
      process.kill(-server.pid!, 'SIGTERM');
    });
  return { url, stop };
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, 'localhost', () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => resolve(port));
    });
  });
}

test('npm start: visited once, the page lives on when the server has stopped', async () => {
  const server = await npmStart();
  const browser = await launchChromium('none');
  try {
    const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
    await page.goto(`${server.url}#/generate?count=1`);
    await settled(page);
    await page.evaluate(() => navigator.serviceWorker.ready);
    await page.waitForFunction(() => navigator.serviceWorker.controller !== null);
    // A worker follows the policy of its own response.
    const policy = await page.evaluate(async () => {
      const worker = performance.getEntriesByType('resource').find(({ name }) => /\/worker-/.test(name))!;
      return (await fetch(worker.name)).headers.get('content-security-policy');
    });
    expect(policy).toContain("default-src 'none'");
    await server.stop();
    await page.reload();
    await settled(page);
    await expect(images(page, /seed 0$/)).toHaveCount(1);
    await page.goto(`${server.url}no/such/page`);
    await expect(
      page.getByText('The address names the page “no/such/page”, which does not exist'),
    ).toBeVisible();
    await settled(page);
  } finally {
    await browser.close();
    await server.stop().catch(() => {});
  }
});
