/** The browser's cache storage as far as the service worker uses it, `Vary` included. */
export class FakeCaches {
  readonly stores = new Map<string, FakeCache>();

  constructor(private readonly fetch: (request: Request) => Promise<Response>) {}

  async open(name: string): Promise<FakeCache> {
    const store = this.stores.get(name) ?? new FakeCache(this.fetch);
    this.stores.set(name, store);
    return store;
  }
  async keys(): Promise<string[]> {
    return [...this.stores.keys()];
  }
  async delete(name: string): Promise<boolean> {
    return this.stores.delete(name);
  }
}

class FakeCache {
  private entries: { request: Request; response: Response }[] = [];

  constructor(private readonly fetch: (request: Request) => Promise<Response>) {}

  async addAll(requests: Request[]): Promise<void> {
    for (const request of requests) {
      const response = await this.fetch(request);
      if (!response.ok) throw new TypeError('Request failed');
      await this.put(request, response);
    }
  }
  async put(key: Request | string, response: Response): Promise<void> {
    const request = new Request(key);
    await this.delete(request.url, { ignoreVary: true });
    this.entries.push({ request, response });
  }
  async match(key: Request | string | URL, options: CacheQueryOptions = {}): Promise<Response | undefined> {
    return this.find(key, options)?.response.clone();
  }
  async delete(key: Request | string, options: CacheQueryOptions = {}): Promise<boolean> {
    const found = this.find(key, options);
    this.entries = this.entries.filter((entry) => entry !== found);
    return found !== undefined;
  }
  async keys(): Promise<Request[]> {
    return this.entries.map(({ request }) => request);
  }

  private find(key: Request | string | URL, { ignoreVary = false, ignoreSearch = false }: CacheQueryOptions) {
    const asked = new Request(key);
    const address = (url: string) => (ignoreSearch ? url.replace(/\?.*$/, '') : url);
    return this.entries.find(({ request, response }) => {
      const varied = (response.headers.get('vary') ?? '').split(',').map((name) => name.trim());
      const same = varied.every((n) => !n || asked.headers.get(n) === request.headers.get(n));
      return address(request.url) === address(asked.url) && (ignoreVary || same);
    });
  }
}
