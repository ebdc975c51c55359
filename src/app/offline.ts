import type { BackendName } from '../lib/backends';

/** Whether this page has already been reloaded for the sake of isolation; survives the reload only. */
const RELOADED = 'innate-reloaded-for-isolation';

/**
 * Registers the service worker of a built page. Where the host sends no isolation headers, the first visit is
 * reloaded once under the worker's, because WebAssembly has threads only then; with a GPU nothing is gained.
 */
export async function registerServiceWorker(backend: Promise<BackendName>): Promise<void> {
  if (!import.meta.env.PROD || !('serviceWorker' in navigator)) return;
  try {
    await navigator.serviceWorker.register('./sw.js');
  } catch {
    return; // private windows, plain http: the page works without
  }
  const mayReload = !crossOriginIsolated && sessionStorage.getItem(RELOADED) === null;
  if (!mayReload) return;
  const reload = async () => {
    if ((await backend) !== 'wasm') return;
    sessionStorage.setItem(RELOADED, '1');
    location.reload();
  };
  if (navigator.serviceWorker.controller) await reload();
  else navigator.serviceWorker.addEventListener('controllerchange', () => void reload(), { once: true });
}

/**
 * Has the service worker fetch what the page's other tabs begin with, so that they work offline too; not where a
 * person saves data. Called when the page is idle.
 */
export async function keepForOffline(): Promise<void> {
  const { connection } = navigator as { connection?: { saveData?: boolean } };
  if (!import.meta.env.PROD || !('serviceWorker' in navigator) || connection?.saveData) return;
  const { active } = await navigator.serviceWorker.ready;
  active?.postMessage('keep-later');
}

/** How long a new version may take to be ready, ms. */
const PATIENCE_MS = 10_000;

/**
 * Reloads the page in its newest version: a service worker that waits for the old pages to be closed takes over
 * first, else the same old page would come from its cache.
 */
export async function reloadPage(): Promise<void> {
  await Promise.race([
    takeNewest().catch(() => {}), // offline, or no service worker: the reload alone has to do
    new Promise((resolve) => setTimeout(resolve, PATIENCE_MS)),
  ]);
  location.reload();
}

async function takeNewest(): Promise<void> {
  const registration = await navigator.serviceWorker?.getRegistration();
  if (!registration) return;
  await registration.update();
  const next = registration.installing ?? registration.waiting;
  if (!next) return;
  await new Promise<void>((resolve) => {
    const settle = () => {
      if (next.state === 'installed') next.postMessage('take-over');
      if (next.state === 'activated' || next.state === 'redundant') resolve();
    };
    next.addEventListener('statechange', settle);
    settle();
  });
}
