import { createReadStream, existsSync, readFileSync, statSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';

const TYPES: Record<string, string> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
  '.webp': 'image/webp',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.webmanifest': 'application/manifest+json',
};

export interface StaticHost {
  /** Ends with a slash. */
  url: string;
  close(): void;
}

export interface Hosting {
  subPath?: string;
  isolated?: boolean;
  /** Texts in the place of files of dist/, by their paths. */
  files?: Readonly<Record<string, string>>;
}

/** What docs/hosting.md says that a host should send: the policy is that of the built page, which names its hosts. */
function documentedHeaders(page: string): [name: string, value: string][] {
  const [, policy] = /http-equiv="Content-Security-Policy" content="([^"]+)"/.exec(page) ?? [];
  if (!policy) throw new Error('dist/index.html has no policy: run npm run build');
  return [
    ['Content-Security-Policy', policy.replaceAll('&#39;', "'")],
    ['Cross-Origin-Opener-Policy', 'same-origin'],
    ['Cross-Origin-Embedder-Policy', 'require-corp'],
    ['Cross-Origin-Resource-Policy', 'same-origin'],
  ];
}

/**
 * dist/ as a static host serves it, under a sub-path where asked; `isolated: false` as one that cannot send headers.
 */
export async function serveDist({
  subPath = '/',
  isolated = true,
  files = {},
}: Hosting = {}): Promise<StaticHost> {
  const root = join(import.meta.dirname, '../dist');
  const headers = documentedHeaders(readFileSync(join(root, 'index.html'), 'utf8'));
  const server: Server = createServer((request, response) => {
    const path = decodeURIComponent(request.url!.split('?')[0]!);
    const relative = path.startsWith(subPath) ? normalize(path.slice(subPath.length) || 'index.html') : '..';
    const file = join(root, relative);
    if (isolated) for (const [name, value] of headers) response.setHeader(name, value);
    const own = files[relative];
    if (own !== undefined) {
      response.setHeader('content-type', TYPES[extname(file)] ?? 'application/octet-stream');
      response.end(own);
      return;
    }
    if (relative.startsWith('..') || !existsSync(file) || !statSync(file).isFile()) {
      response.writeHead(404).end();
      return;
    }
    response.setHeader('content-type', TYPES[extname(file)] ?? 'application/octet-stream');
    response.setHeader('content-length', statSync(file).size);
    createReadStream(file).pipe(response);
  });
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http://localhost:${port}${subPath}`, close: () => server.close() };
}
