// npm start: builds the page if there is no build yet, serves it with the models that were fetched, and prints the address.
import { existsSync } from 'node:fs';
import { build as bundle } from 'esbuild';
import { build, preview } from 'vite';

if (!existsSync('dist/index.html')) await build();
await bundle({
  entryPoints: ['scripts/fetched-models.ts'],
  outfile: 'build/fetched-models.mjs',
  bundle: true,
  platform: 'node',
  format: 'esm',
  packages: 'external',
  logLevel: 'warning',
});
const { fetchedModels } = await import('../build/fetched-models.mjs');
const server = await preview({
  plugins: [fetchedModels()],
  preview: { port: Number(process.env.PORT ?? 4173), host: process.env.HOST ?? 'localhost' },
});
server.printUrls();
