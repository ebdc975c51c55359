// Bundles the command line: TensorFlow.js publishes its gradients and back-ends as ES modules that plain Node
// cannot import.
import { chmodSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

export const options = {
  entryPoints: ['cli/main.ts'],
  outfile: 'build/cli/innate.mjs',
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  mainFields: ['module', 'main'],
  external: ['webgpu'],
  // Emscripten's loader inside the wasm back-end expects CommonJS.
  banner: {
    js: "import { createRequire as __cr } from 'node:module'; import { fileURLToPath as __fp } from 'node:url'; import { dirname as __dn } from 'node:path'; const require = __cr(import.meta.url); const __filename = __fp(import.meta.url); const __dirname = __dn(__filename);",
  },
  logLevel: 'warning',
};

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await build(options);
  chmodSync('build/cli/innate.mjs', 0o755);
}
