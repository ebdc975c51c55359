/**
 * Gives every response the headers of cross-origin isolation (without them WebAssembly has no threads, and many
 * static hosts cannot set them) and the page's Content-Security-Policy (a worker takes its policy from its own
 * response, not from the page), and makes the page work offline with its default model. Built on its own by
 * scripts/vite-page.ts, which fills in the constant.
 */
import { createOffline, type OfflineOptions } from './offline-cache';

declare const BUILD: Pick<OfflineOptions, 'shell' | 'version' | 'files' | 'wanted' | 'later' | 'headers'>;

const worker = self as unknown as ServiceWorkerGlobalScope;
const offline = createOffline({
  ...BUILD,
  scope: worker.registration.scope,
  caches,
  fetch: (request) => fetch(request),
});

worker.addEventListener('install', (event) => event.waitUntil(offline.install()));
worker.addEventListener('activate', (event) => {
  event.waitUntil(offline.activate().then(() => worker.clients.claim()));
});
worker.addEventListener('fetch', (event) => {
  if (offline.covers(event.request))
    event.respondWith(offline.answer(event.request, (work) => event.waitUntil(work)));
});
// A page that lost a part of itself asks for the new version at once (app/offline.ts).
// One that is idle has the rest kept for the next visit.
worker.addEventListener('message', (event) => {
  if (event.data === 'take-over') void worker.skipWaiting();
  if (event.data === 'keep-later') event.waitUntil(offline.keepLater());
});
