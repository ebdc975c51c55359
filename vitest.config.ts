import { defineConfig } from 'vitest/config';

export default defineConfig({
  // tfjs publishes ES modules under "module" only; one instance of the core must serve all back-ends.
  resolve: { mainFields: ['module', 'main'] },
  test: {
    include: ['tests/**/*.test.ts'],
    globalSetup: ['scripts/build-simd.mjs'],
    server: { deps: { inline: [/@tensorflow/] } },
    maxWorkers: '100%', // files wait for one core each; a core kept free for the reporter would be idle
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
