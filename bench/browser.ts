import { type Browser, chromium, type Page } from 'playwright-core';
import { InnateError } from '../src/lib/errors';
import type { Arguments, BenchPage, Method, Result } from './page/protocol';

export type AdapterChoice = 'lavapipe' | 'swiftshader' | 'hardware';
export const ADAPTER_CHOICES: readonly AdapterChoice[] = ['lavapipe', 'swiftshader', 'hardware'];

const SOFTWARE = ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'];
const HARDWARE = ['--enable-unsafe-webgpu', '--enable-features=Vulkan', '--ignore-gpu-blocklist'];

/** The bench page in a browser of its own. */
export interface BenchBrowser {
  version: string;
  call<M extends Method>(worker: string, method: M, ...args: Arguments<M>): Promise<Result<M>>;
  closeWorker(worker: string): Promise<void>;
  close(): Promise<void>;
}

/** `cold`: without the shader cache that Mesa keeps on disk (the browser's own is always empty: a new profile). */
export async function openBrowser(url: string, adapter: AdapterChoice, cold: boolean): Promise<BenchBrowser> {
  const browser = await launch(adapter, cold);
  const context = await browser.newContext({ serviceWorkers: 'block' });
  const page = await context.newPage();
  const origin = new URL(url).origin;
  await context.route(
    (target) => target.origin !== origin && target.protocol.startsWith('http'),
    (route) => route.abort(),
  );
  await page.goto(url);
  await page.waitForFunction(() => 'bench' in globalThis);
  return {
    version: browser.version(),
    call: (worker, method, ...args) => callPage(page, worker, method, args),
    closeWorker: (worker) =>
      page.evaluate((name) => (globalThis as unknown as { bench: BenchPage }).bench.close(name), worker),
    close: () => browser.close(),
  };
}

function callPage<M extends Method>(
  page: Page,
  worker: string,
  method: M,
  args: Arguments<M>,
): Promise<Result<M>> {
  return page.evaluate(([w, m, a]) => (globalThis as unknown as { bench: BenchPage }).bench.call(w, m, a), [
    worker,
    method,
    args,
  ] as [string, Method, unknown[]]) as Promise<Result<M>>;
}

export function launch(adapter: AdapterChoice, cold: boolean): Promise<Browser> {
  const env: Record<string, string> = { ...(process.env as Record<string, string>) };
  if (adapter === 'lavapipe' && env.INNATE_SOFTWARE_ADAPTER !== 'lavapipe')
    throw new InnateError('backend', 'lavapipe is not to be had on this machine', {
      hint: 'Use --adapter swiftshader; scripts/software-gpu/setup.sh says why',
    });
  if (cold) env.MESA_SHADER_CACHE_DISABLE = 'true';
  if (adapter === 'hardware') delete env.VK_ICD_FILENAMES; // it names lavapipe alone
  return chromium.launch({
    executablePath: adapter === 'lavapipe' ? env.INNATE_CHROMIUM : env.INNATE_CHROMIUM_STOCK,
    env,
    args: [
      '--no-sandbox',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      ...(adapter === 'hardware' ? HARDWARE : SOFTWARE),
    ],
  });
}
