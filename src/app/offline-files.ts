/** The files of `public/` that the service worker keeps, each under the digest of its contents. */

export interface OfflineFilesOptions {
  /** SHA-256, in hex, of every file of `public/`, by its path relative to the scope. */
  files: Readonly<Record<string, string>>;
  /** Address of the scope; it ends with a slash. */
  scope: string;
  caches: CacheStorage;
  fetch: (request: Request) => Promise<Response>;
}

/**
 * Hosts send `Vary` (vite preview: Origin), and a page asks for its scripts with other headers than the worker that
 * stored them. All files are the same for everybody, so their address alone decides.
 */
export const BY_ADDRESS: CacheQueryOptions = { ignoreVary: true };

/** One cache for all builds: a file that a new build did not change is kept. */
export class OfflineFiles {
  private readonly digests: ReadonlyMap<string, string>;

  constructor(
    /** Name of the cache. */
    readonly name: string,
    private readonly options: OfflineFilesOptions,
  ) {
    this.digests = new Map(Object.entries(options.files));
  }

  /** Whether a path is one of these files. */
  has(path: string): boolean {
    return this.digests.has(path);
  }

  async match(path: string): Promise<Response | undefined> {
    return (await this.cache()).match(this.keyOf(path), BY_ADDRESS);
  }

  /** Stores an answer with a file's contents; whatever else the host sent (a newer file, a page) is not stored. */
  async keep(path: string, response: Response): Promise<void> {
    try {
      if (response.status !== 200) return;
      const { headers } = response;
      const bytes = await response.arrayBuffer();
      if ((await digest(bytes)) !== this.digests.get(path)) return;
      await (await this.cache()).put(this.keyOf(path), new Response(bytes, { headers }));
    } catch {
      // A full quota costs the offline copy, never the answer.
    }
  }

  /** Fetches a file that is not kept yet. */
  async fetch(path: string): Promise<void> {
    if (await this.match(path)) return;
    // The names of these files say nothing of their contents: the browser's own cache has to ask the host.
    const request = new Request(new URL(path, this.options.scope), { cache: 'no-cache' });
    const response = await this.options.fetch(request).catch(() => null);
    if (response) await this.keep(path, response);
  }

  /** Drops what no file of this build is. */
  async prune(): Promise<void> {
    const cache = await this.cache();
    const current = new Set([...this.digests.keys()].map((path) => this.keyOf(path)));
    for (const { url } of await cache.keys()) if (!current.has(url)) await cache.delete(url, BY_ADDRESS);
  }

  /** A file under the digest of its contents: another build's file of that name is another entry. */
  private keyOf(path: string): string {
    return new URL(`${encodeURI(path)}?${this.digests.get(path)}`, this.options.scope).href;
  }

  private cache(): Promise<Cache> {
    return this.options.caches.open(this.name);
  }
}

async function digest(bytes: ArrayBuffer): Promise<string> {
  const hash = await crypto.subtle.digest('SHA-256', bytes);
  return Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
