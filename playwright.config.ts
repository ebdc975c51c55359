import { defineConfig } from '@playwright/test';
import { softwareGpuEnv } from './scripts/software-gpu/env.mjs';

if (!process.env.INNATE_CHROMIUM) Object.assign(process.env, softwareGpuEnv());

/**
 * Browser tests in the system's Chromium (scripts/software-gpu/setup.sh names it). Each test that touches the
 * GPU starts a browser of its own: after a second GPU-process crash a browser gives no adapter any more.
 */
export default defineConfig({
  testDir: 'e2e',
  timeout: 180_000,
  expect: { timeout: 20_000 }, // workers and compilers start slowly on a busy machine; what is awaited comes, or fails
  workers: 1,
  reporter: [['list'], ['json', { outputFile: 'test-results/playwright.json' }]],
  use: { trace: 'retain-on-failure' },
});
