import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { build } from 'esbuild';
import type { Plugin } from 'vite';
import { hostsOf } from '../src/lib/hosts.ts';

/**
 * Everything from the page's own origin, but for the files that a person presses Download for: those come from the
 * hosts of this build. 'wasm-unsafe-eval' compiles WebAssembly; its threads start from blobs.
 */
export const POLICY = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "worker-src 'self' blob:",
  ["connect-src 'self'", ...hostsOf(process.env.INNATE_HOSTS)].join(' '),
  "img-src 'self' blob:",
  "style-src 'self'",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');

/** What a host should send with every file of dist/; the service worker adds it where the host cannot. */
export const HEADERS = {
  'Content-Security-Policy': POLICY,
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'Cross-Origin-Resource-Policy': 'same-origin',
};

/**
 * The Content-Security-Policy in the built page, for a first visit to a host that sends none (the dev server injects
 * inline scripts). Workers that come over the network follow the header of their own response alone.
 */
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

/** Which model the page begins with, and which teacher the Distil tab. */
interface Beginning {
  model: string;
  teacher: string;
}

/** Builds src/app/service-worker.ts with the list of what the page needs offline: itself and what its tabs begin with. */
export function serviceWorker(beginning: Beginning): Plugin {
  return {
    name: 'innate-service-worker',
    apply: 'build',
    enforce: 'post',
    async generateBundle(_, bundle) {
      const contents = Object.entries(bundle)
        .filter(([name]) => !name.endsWith('.map'))
        .map(([name, output]): [string, string | Uint8Array] => [
          name,
          output.type === 'chunk' ? output.code : output.source,
        ]);
      const wanted = modelFiles('public', beginning.model);
      const later = laterFiles('public', beginning).filter((file) => !wanted.includes(file));
      const source = await buildWorker(contents, publicFiles('public'), wanted, later);
      this.emitFile({ type: 'asset', fileName: 'sw.js', source });
    },
  };
}

/**
 * The service worker's script. `contents`: every file of the bundle by name, index.html among them; `files`: the
 * digests of public/; `wanted`: those of them that are kept before they are used, and `later` once the page is idle.
 */
export async function buildWorker(
  contents: readonly (readonly [string, string | Uint8Array])[],
  files: Readonly<Record<string, string>>,
  wanted: readonly string[],
  later: readonly string[] = [],
): Promise<string> {
  const missing = [...wanted, ...later].find((file) => files[file] === undefined);
  if (missing) throw new Error(`public/${missing} is wanted offline, but it is not there`);
  const version = createHash('sha256');
  for (const [name, content] of [...contents].sort(([a], [b]) => (a < b ? -1 : 1)))
    version.update(`${name}\0`).update(content);
  const BUILD = {
    shell: ['./', ...contents.map(([name]) => name).filter((name) => name !== 'index.html')],
    version: version.digest('hex').slice(0, 12),
    files,
    wanted,
    later,
    headers: HEADERS,
  };
  const { outputFiles } = await build({
    entryPoints: [join(import.meta.dirname, '../src/app/service-worker.ts')],
    bundle: true,
    minify: true,
    write: false,
    define: { BUILD: JSON.stringify(BUILD) },
  });
  return outputFiles[0]!.text;
}

/** SHA-256 of every file under `root`, by its path with forward slashes. */
export function publicFiles(root: string): Record<string, string> {
  const files = readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  return Object.fromEntries(
    files.map((file) => [
      relative(root, file).split(sep).join('/'),
      createHash('sha256').update(readFileSync(file)).digest('hex'),
    ]),
  );
}

/** What of the catalogue is read here. */
interface ShippedModel {
  id: string;
  dataset: string;
  preview?: string;
  files: { path: string; deltaOf?: string }[];
}

const readModels = (root: string): ShippedModel[] =>
  (JSON.parse(readFileSync(join(root, 'models/index.json'), 'utf8')) as { models: ShippedModel[] }).models;

/** What installs the page; the files of a model, and of its teacher when it is a delta, the catalogue and the preview. */
function modelFiles(root: string, id: string): string[] {
  const models = readModels(root);
  const files = ['app.webmanifest', 'icons/icon-192.png', 'icons/icon-512.png', 'models/index.json'];
  for (let next: string | undefined = id; next !== undefined; ) {
    const model = models.find((m) => m.id === next);
    if (!model) throw new Error(`no model ${next} in the catalogue`);
    const file = model.files[0]!;
    files.push(`models/${file.path}`);
    if (model.preview) files.push(`models/${model.preview}`);
    if (existsSync(join(root, `layers/${next}.json`))) files.push(`layers/${next}.json`);
    next = file.deltaOf;
  }
  return files;
}

/**
 * The pictures of all models, what one press of Start distils with (teacher, sample pack, frozen networks), and the
 * real images that Layers shows to the first model.
 */
function laterFiles(root: string, { model, teacher }: Beginning): string[] {
  const models = readModels(root);
  const previews = models.flatMap(({ preview }) => (preview ? [`models/${preview}`] : []));
  const packs = models
    .filter(({ id }) => id === teacher || id === model)
    .map(({ dataset }) => `data/${dataset}.zip`);
  const frozen = ['efficientnet-lite0', 'cifar10-resnet56'].map((name) => `features/${name}.safetensors`);
  return [...previews, 'data/index.json', ...modelFiles(root, teacher), ...packs, ...frozen];
}

/**
 * What `npm start` does with an address that is no file of dist/: vite's preview would answer with the page, which
 * does not find its own files from there. The page itself says that the address is wrong.
 */
export function unknownAddresses(): Plugin {
  return {
    name: 'innate-unknown-addresses',
    configurePreviewServer({ config, middlewares }) {
      middlewares.use((request, response, next) => {
        const { pathname } = new URL(request.url ?? '/', 'http://localhost');
        const file = join(config.root, config.build.outDir, unescape(pathname));
        const page = request.headers.accept?.includes('text/html') ?? false;
        const there = pathname === '/' || (existsSync(file) && statSync(file).isFile());
        if (request.method !== 'GET' || !page || there) return next();
        response.writeHead(302, { location: `/#${pathname}` }).end();
      });
    },
  };
}
