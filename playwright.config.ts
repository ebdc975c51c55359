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
  snapshotPathTemplate: '{testDir}/snapshots/{arg}{ext}',
  expect: {
    timeout: 20_000, // workers and compilers start slowly on a busy machine; what is awaited comes, or fails
    // A colour may be off by what no eye sees, and a tenth of a word's pixels by more.
    toMatchSnapshot: { threshold: 0.05, maxDiffPixelRatio: 0.0002 },
  },
  workers: 1,
  reporter: [['list'], ['json', { outputFile: 'test-results/playwright.json' }]],
  use: { trace: 'retain-on-failure' },
});
