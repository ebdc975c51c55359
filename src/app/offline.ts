import type { EngineStatus } from '../engine/protocol';

type BackendName = NonNullable<EngineStatus['backend']>['name'];

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
