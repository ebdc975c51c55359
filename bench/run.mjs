// npm run bench: the command line in main.ts, and the process of an engine that trains, bundled for Node.
import { build } from 'esbuild';
import { options as cliOptions } from '../scripts/build-cli.mjs';
import { softwareGpuEnv } from '../scripts/software-gpu/env.mjs';

if (!process.env.INNATE_CHROMIUM) Object.assign(process.env, softwareGpuEnv());

const outfile = 'build/bench/main.mjs';
await build({
  entryPoints: ['bench/main.ts'],
  outfile,
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  external: ['vite', 'playwright-core'],
  mainFields: ['module', 'main'],
  // protobufjs and commander are CommonJS.
  banner: {
    js: "import { createRequire as __cr } from 'node:module'; const require = __cr(import.meta.url);",
  },
  logLevel: 'warning',
});
await build({
  ...cliOptions,
  entryPoints: ['bench/train/child.ts'],
  outfile: 'build/bench/train-engine.mjs',
});
await build({ ...cliOptions, entryPoints: ['bench/features.ts'], outfile: 'build/bench/features.mjs' });
await import(new URL(`../${outfile}`, import.meta.url).href);
