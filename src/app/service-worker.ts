/**
 * Gives every response the headers of cross-origin isolation (without them WebAssembly has no threads, and many
 * static hosts cannot set them), and makes the page work offline with its default model. Built on its own by
 * scripts/vite-service-worker.ts, which fills in the two constants.
 */
declare const PRECACHE: string[];
declare const VERSION: string;

const scope = self as unknown as ServiceWorkerGlobalScope;
const PREFIX = 'innate-';
const CACHE = PREFIX + VERSION;
const ISOLATION = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'Cross-Origin-Resource-Policy': 'same-origin',
};

scope.addEventListener('install', (event) => {
  event.waitUntil(
    caches.open(CACHE).then((cache) =>
      // The page has just fetched most of these: the browser's own cache answers.
      cache.addAll(
        PRECACHE.map((path) => new Request(path, { cache: path === './' ? 'no-cache' : 'default' })),
      ),
    ),
  );
});

scope.addEventListener('activate', (event) => {
  event.waitUntil(
    (async () => {
      for (const name of await caches.keys())
        if (name.startsWith(PREFIX) && name !== CACHE) await caches.delete(name);
      await scope.clients.claim();
    })(),
  );
});

scope.addEventListener('fetch', (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== 'GET' || url.origin !== scope.location.origin) return;
  if (!url.href.startsWith(scope.registration.scope)) return;
  event.respondWith(answer(request, url));
});

async function answer(request: Request, url: URL): Promise<Response> {
  const cache = await caches.open(CACHE);
  const cached =
    request.mode === 'navigate'
      ? await cache.match('./')
      : await cache.match(request, { ignoreSearch: true });
  if (cached) return isolated(cached);
  const response = await fetch(request);
  // A model that was used once is there offline too, with its images and measurements.
  if (response.status === 200 && /\/(models|data|layers)\//.test(url.pathname))
    await keep(cache, request, response.clone());
  return isolated(response);
}

async function keep(cache: Cache, request: Request, response: Response): Promise<void> {
  try {
    await cache.put(request, response);
  } catch {
    // A full quota costs the offline copy, never the answer.
  }
}

function isolated(response: Response): Response {
  if (response.type === 'opaque' || response.status === 0) return response;
  const headers = new Headers(response.headers);
  for (const [name, value] of Object.entries(ISOLATION)) headers.set(name, value);
  const body = [101, 204, 205, 304].includes(response.status) ? null : response.body;
  return new Response(body, { status: response.status, statusText: response.statusText, headers });
}
