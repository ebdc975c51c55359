/** What the service worker keeps and answers with. It uses none of the worker's globals, so that a test passes its own. */

export interface OfflineOptions {
  /** Everything the page is made of, relative to the scope; './' is the page itself. */
  shell: readonly string[];
  /** Name of this build: a digest of the shell's contents. */
  version: string;
  /** SHA-256, in hex, of every file of `public/`, by its path relative to the scope. */
  files: Readonly<Record<string, string>>;
  /** The part of `files` that is wanted offline after the first visit; the others are kept once they have been used. */
  wanted: readonly string[];
  /** Headers that every answer gets. */
  headers: Readonly<Record<string, string>>;
  /** Address of the scope; it ends with a slash. */
  scope: string;
  caches: CacheStorage;
  fetch: (request: Request) => Promise<Response>;
}

const PREFIX = 'innate-';
/** One for all builds: a file that a new build did not change is kept. */
const FILES = `${PREFIX}files`;

/**
 * Hosts send `Vary` (vite preview: Origin), and a page asks for its scripts with other headers than the worker that
 * stored them. All files are the same for everybody, so their address alone decides.
 */
const BY_ADDRESS: CacheQueryOptions = { ignoreVary: true };

export interface Offline {
  install(): Promise<void>;
  activate(): Promise<void>;
  /** Whether a request is this worker's business. */
  covers(request: Request): boolean;
  /** `waitUntil` gets what goes on after the answer. */
  answer(request: Request, waitUntil: (work: Promise<void>) => void): Promise<Response>;
}

export function createOffline(options: OfflineOptions): Offline {
  const { shell, version, wanted, scope, caches } = options;
  const digests = new Map(Object.entries(options.files));
  const SHELL = `${PREFIX}page-${version}`;
  /** What a person may open: the page by both its names, and the files that belong to it. */
  const pages = new Set(['', 'index.html', ...shell]);
  const pathOf = (url: string) => decode(new URL(url).pathname.slice(new URL(scope).pathname.length));
  /** A file under the digest of its contents: another build's file of that name is another entry. */
  const keyOf = (path: string) => new URL(`${encodeURI(path)}?${digests.get(path)}`, scope).href;

  /** Stores an answer with a file's contents; whatever else the host sent (a newer file, a page) is not stored. */
  async function keep(path: string, response: Response): Promise<void> {
    try {
      if (response.status !== 200) return;
      const { headers } = response;
      const bytes = await response.arrayBuffer();
      if ((await digest(bytes)) !== digests.get(path)) return;
      await (await caches.open(FILES)).put(keyOf(path), new Response(bytes, { headers }));
    } catch {
      // A full quota costs the offline copy, never the answer.
    }
  }

  async function fetchWanted(path: string): Promise<void> {
    if (await matchFile(path)) return;
    // The names of these files say nothing of their contents: the browser's own cache has to ask the host.
    const response = await options
      .fetch(new Request(new URL(path, scope), { cache: 'no-cache' }))
      .catch(() => null);
    if (response) await keep(path, response);
  }

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
      for (const path of wanted) await fetchWanted(path);
    },

    async activate() {
      for (const name of await caches.keys())
        if (name.startsWith(PREFIX) && name !== SHELL && name !== FILES) await caches.delete(name);
      const cache = await caches.open(FILES);
      const current = new Set([...digests.keys()].map(keyOf));
      for (const { url } of await cache.keys()) if (!current.has(url)) await cache.delete(url, BY_ADDRESS);
    },

    covers: ({ method, url }) => method === 'GET' && url.startsWith(scope),

    async answer(request, waitUntil) {
      const path = pathOf(request.url);
      if (request.mode === 'navigate' && !digests.has(path) && !pages.has(path))
        return unknown(request, path);
      const cached = digests.has(path) ? await matchFile(path) : await matchShell(request);
      if (cached) return withHeaders(cached);
      const response = await options.fetch(request);
      // A model that was used once is there offline too, with its images and measurements.
      if (digests.has(path) && response.status === 200) waitUntil(keep(path, response.clone()));
      return withHeaders(response);
    },
  };

  /** Another page of this host, perhaps; where there is none, the page says which address was wrong. */
  async function unknown(request: Request, path: string): Promise<Response> {
    const response = await options.fetch(request).catch(() => null);
    if (response && response.status !== 404) return withHeaders(response);
    return Response.redirect(new URL(`./#/${encodeURI(path)}`, scope).href, 302);
  }

  async function matchFile(path: string): Promise<Response | undefined> {
    return (await caches.open(FILES)).match(keyOf(path), BY_ADDRESS);
  }

  async function matchShell({ url }: Request): Promise<Response | undefined> {
    const path = pathOf(url);
    const address = path === 'index.html' ? new URL('./', scope).href : url;
    return (await caches.open(SHELL)).match(address, { ...BY_ADDRESS, ignoreSearch: true });
  }
}

async function digest(bytes: ArrayBuffer): Promise<string> {
  const hash = await crypto.subtle.digest('SHA-256', bytes);
  return Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function decode(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
