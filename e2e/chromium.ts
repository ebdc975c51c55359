import { type Browser, type BrowserContextOptions, chromium } from '@playwright/test';

export type Adapter = 'fast' | 'swiftshader' | 'none';

/**
 * A fresh browser. 'fast' is lavapipe behind Chromium's SwiftShader switch where the machine has it,
 * 'swiftshader' the adapter a user without a GPU gets, 'none' a browser without WebGPU.
 */
export function launchChromium(adapter: Adapter, extra: readonly string[] = []): Promise<Browser> {
  const { INNATE_CHROMIUM, INNATE_CHROMIUM_STOCK } = process.env;
  const executablePath = adapter === 'fast' ? INNATE_CHROMIUM : INNATE_CHROMIUM_STOCK;
  if (!executablePath)
    throw new Error('no browser: source the env file that scripts/software-gpu/setup.sh prints');
  const gpu =
    adapter === 'none'
      ? ['--disable-features=WebGPU', '--disable-gpu']
      : ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'];
  return chromium.launch({
    executablePath,
    args: [
      '--no-sandbox',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      ...gpu,
      ...extra,
    ],
  });
}

export const quietContext: BrowserContextOptions = { serviceWorkers: 'block' };
