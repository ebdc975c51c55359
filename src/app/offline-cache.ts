/** What the service worker keeps and answers with. It uses none of the worker's globals, so that a test passes its own. */

import { BY_ADDRESS, OfflineFiles, type OfflineFilesOptions } from './offline-files';

export interface OfflineOptions extends OfflineFilesOptions {
  /** Everything the page is made of, relative to the scope; './' is the page itself. */
  shell: readonly string[];
  /** Name of this build: a digest of the shell's contents. */
  version: string;
  /** The part of `files` that is wanted offline after the first visit; the others are kept once they have been used. */
  wanted: readonly string[];
  /** What is fetched after that, while the page has nothing else to do: what its other tabs begin with. */
  later: readonly string[];
  /** Headers that every answer gets. */
  headers: Readonly<Record<string, string>>;
}

const PREFIX = 'innate-';

export interface Offline {
  install(): Promise<void>;
  activate(): Promise<void>;
  /** Fetches what is wanted later, one file after the other. */
  keepLater(): Promise<void>;
  /** Whether a request is this worker's business. */
  covers(request: Request): boolean;
  /** `waitUntil` gets what goes on after the answer. */
  answer(request: Request, waitUntil: (work: Promise<void>) => void): Promise<Response>;
}

export function createOffline(options: OfflineOptions): Offline {
  const { shell, version, wanted, later, scope, caches } = options;
  const files = new OfflineFiles(`${PREFIX}files`, options);
  const SHELL = `${PREFIX}page-${version}`;
  /** What a person may open: the page by both its names, and the files that belong to it. */
  const pages = new Set(['', 'index.html', ...shell]);
  const pathOf = (url: string) => decode(new URL(url).pathname.slice(new URL(scope).pathname.length));

  function withHeaders(response: Response): Response {
    if (response.type === 'opaque' || response.status === 0) return response;
    const all = new Headers(response.headers);
    for (const [name, value] of Object.entries(options.headers)) all.set(name, value);
    const body = [101, 204, 205, 304].includes(response.status) ? null : response.body;
    return new Response(body, { status: response.status, statusText: response.statusText, headers: all });
  }

  return {
    async install() {
      const cache = await caches.open(SHELL);
      // The page has just fetched most of these: the browser's own cache answers, but for the page itself.
      await cache.addAll(
        shell.map(
          (path) => new Request(new URL(path, scope), { cache: path === './' ? 'no-cache' : 'default' }),
        ),
      );
      for (const path of wanted) await files.fetch(path);
    },

    async activate() {
      for (const name of await caches.keys())
        if (name.startsWith(PREFIX) && name !== SHELL && name !== files.name) await caches.delete(name);
      await files.prune();
    },

    async keepLater() {
      for (const path of later) await files.fetch(path);
    },

    covers: ({ method, url }) => method === 'GET' && url.startsWith(scope),

    async answer(request, waitUntil) {
      const path = pathOf(request.url);
      if (request.mode === 'navigate' && !files.has(path) && !pages.has(path)) return unknown(request, path);
      const cached = files.has(path) ? await files.match(path) : await matchShell(request);
      if (cached) return withHeaders(cached);
      const response = await options.fetch(request);
      // A model that was used once is there offline too, with its images and measurements.
      if (files.has(path) && response.status === 200) waitUntil(files.keep(path, response.clone()));
      return withHeaders(response);
    },
  };

  /** Another page of this host, perhaps; where there is none, the page says which address was wrong. */
  async function unknown(request: Request, path: string): Promise<Response> {
    const response = await options.fetch(request).catch(() => null);
    if (response && response.status !== 404) return withHeaders(response);
    return Response.redirect(new URL(`./#/${encodeURI(path)}`, scope).href, 302);
  }

  async function matchShell({ url }: Request): Promise<Response | undefined> {
    const path = pathOf(url);
    const address = path === 'index.html' ? new URL('./', scope).href : url;
    return (await caches.open(SHELL)).match(address, { ...BY_ADDRESS, ignoreSearch: true });
  }
}

function decode(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
