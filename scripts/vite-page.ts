import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import type { Plugin } from 'vite';

/** Everything from the page's own origin; 'wasm-unsafe-eval' and blob: are what WebAssembly and its threads need. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval' blob:",
  "worker-src 'self' blob:",
  "connect-src 'self'",
  "img-src 'self' blob: data:",
  "style-src 'self'",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');

/** A strict Content-Security-Policy in the built page (the dev server injects inline scripts). */
export function contentSecurityPolicy(): Plugin {
  return {
    name: 'innate-csp',
    apply: 'build',
    transformIndexHtml: () => [
      {
        tag: 'meta',
        attrs: { 'http-equiv': 'Content-Security-Policy', content: POLICY },
        injectTo: 'head-prepend',
      },
    ],
  };
}

/** Builds src/app/service-worker.ts with the list of what the page needs offline: itself and its default model. */
export function serviceWorker(defaultModel: string): Plugin {
  return {
    name: 'innate-service-worker',
    apply: 'build',
    enforce: 'post',
    async generateBundle(_, bundle) {
      const assets = Object.keys(bundle).filter((name) => !name.endsWith('.map') && name !== 'index.html');
      const precache = ['./', ...assets, ...modelFiles(defaultModel)];
      const hash = createHash('sha256').update(assets.sort().join());
      hash.update(readFileSync('public/models/index.json'));
      const { outputFiles } = await build({
        entryPoints: ['src/app/service-worker.ts'],
        bundle: true,
        minify: true,
        write: false,
        define: {
          PRECACHE: JSON.stringify(precache),
          VERSION: JSON.stringify(hash.digest('hex').slice(0, 12)),
        },
      });
      this.emitFile({ type: 'asset', fileName: 'sw.js', source: outputFiles[0]!.text });
    },
  };
}

/** The files of a model and of its teacher when it is a delta, the catalogue and the preview. */
function modelFiles(id: string): string[] {
  const { models } = JSON.parse(readFileSync(join('public/models/index.json'), 'utf8')) as {
    models: { id: string; preview?: string; files: { path: string; deltaOf?: string }[] }[];
  };
  const files = ['models/index.json'];
  for (let next: string | undefined = id; next !== undefined; ) {
    const model = models.find((m) => m.id === next);
    if (!model) throw new Error(`no model ${next} in the catalogue`);
    const file = model.files[0]!;
    files.push(`models/${file.path}`);
    if (model.preview) files.push(`models/${model.preview}`);
    if (existsSync(`public/layers/${next}.json`)) files.push(`layers/${next}.json`);
    next = file.deltaOf;
  }
  return files;
}
