import downloadWorker from '../engine/download/download-worker.ts?worker&url';
import { InnateError } from '../lib/errors';
import { allowedHosts } from '../lib/hosts';
import { createEngineClient } from '../protocol/client';
import { createDownloadClient } from '../protocol/download-client';
import { createStores, type Stores } from '../state/app-state';
import { type Controller, createController } from '../state/controller';
import { defaultView } from '../state/generate/view';
import { formatHash, readHash } from '../state/url';
import { syncAddress } from '../state/url-sync';
import { saveBlob } from '../ui/save-blob';
import { NARROW } from '../ui/use-space';
import { followGestures } from './follow-gestures';
import { guardRun } from './guard-run';
import { keepFocus } from './keep-focus';
import { latencyPage, watchLatency } from './latency';
import { followTheme } from './theme';
import { wasmBinaries } from './wasm-binaries';

/** Everything behind the page, put together once. */
export function createApp(): { stores: Stores; controller: Controller; boot: () => Promise<void> } {
  // A phone makes half as many images at first: they are larger there, and so is the wait.
  const defaults = defaultView(matchMedia(NARROW).matches ? 12 : 24);
  const linkDefaults = { ...defaults, count: Number.NaN }; // a link says how many: the other screen may differ
  const address = readHash(location.hash, defaults);
  const stores = createStores(address.view, storage());
  followTheme(stores.prefs);
  const modelsUrl = new URL('models/', document.baseURI).href;
  const fetchedUrl = fetchedModelsUrl();
  const controller = createController({
    client: createEngineClient(
      () => new Worker(new URL('../engine/worker.ts', import.meta.url), { type: 'module' }),
    ),
    stores,
    engine: { modelsUrl, wasmBinaries, ...(fetchedUrl !== null && { fetchedUrl }) },
    loadCatalogue: async () => (await fetchOwn(new URL('index.json', modelsUrl))).text(),
    loadFetched:
      fetchedUrl === null ? null : async () => (await fetchOwn(new URL('index.json', fetchedUrl))).text(),
    loadPacks: async () => (await fetchOwn(new URL('../data/index.json', modelsUrl))).text(),
    loadLayers: async (teacher) => (await fetchOwn(new URL(`../layers/${teacher}.json`, modelsUrl))).text(),
    loadSheet: async (path) => readSheet(await fetchOwn(new URL(path, modelsUrl))),
    loadClassNames: async (path) => (await fetchOwn(new URL(path, modelsUrl))).text(),
    address: (view) => new URL(formatHash(view, linkDefaults), location.href).href,
    kept: {
      storage: storage(),
      write: (view) => formatHash({ ...defaults, ...view, tab: 'generate' }, linkDefaults),
      read: (fragment) => readHash(fragment, defaults).view,
    },
    nextFrame: (callback) => requestAnimationFrame(callback),
    takeAway: {
      makeWorker: () =>
        new Worker(new URL('../engine/export/export-worker.ts', import.meta.url), { type: 'module' }),
      save: saveBlob,
    },
    downloads: allowedHosts.length > 0 ? downloadParts() : null,
    persist: () => void navigator.storage?.persist?.().catch(() => {}),
  });
  syncAddress(stores.view, defaults, window, controller.arrive);
  followGestures(controller);
  keepFocus();
  guardRun(stores.distil, { control: (action) => controller.distil.control(action) });
  watchLatency(stores, latencyPage());
  return { stores, controller, boot: () => controller.boot(address.problems) };
}

/** A worker of its own, so that no conversion keeps images waiting. */
function downloadParts() {
  return {
    client: createDownloadClient(underOwnPolicy),
    hosts: allowedHosts,
    async free() {
      const { quota, usage } = (await navigator.storage?.estimate?.().catch(() => null)) ?? {};
      return quota === undefined || usage === undefined ? null : Math.max(0, quota - usage);
    },
    channel: typeof BroadcastChannel === 'undefined' ? null : new BroadcastChannel('innate-downloads'),
  };
}

/**
 * The worker of downloads, started by a blob: so it follows the policy of this page, and its browser goes nowhere else,
 * redirects included. A worker's own file brings its policy only where the host sends headers.
 */
function underOwnPolicy(): Worker {
  const script = `import ${JSON.stringify(new URL(downloadWorker, location.href).href)};`;
  const blob = URL.createObjectURL(new Blob([script], { type: 'text/javascript' }));
  return new Worker(blob, { type: 'module' });
}

/** Where this page's host has models that were fetched; npm start says so in the page (scripts/fetched-models.ts). */
function fetchedModelsUrl(): string | null {
  const folder = document.querySelector<HTMLMetaElement>('meta[name="innate-fetched"]')?.content;
  return folder ? new URL(folder, document.baseURI).href : null;
}

async function fetchOwn(url: URL): Promise<Response> {
  const response = await fetch(url).catch((error: unknown) => {
    throw new InnateError('io', 'could not be read', { where: url.pathname, hint: 'Reload the page' }, error);
  });
  if (response.ok) return response;
  throw new InnateError('io', 'could not be read', {
    where: url.pathname,
    expected: 'a file of this site',
    found: `HTTP ${response.status}`,
    hint: 'Reload the page',
  });
}

async function readSheet(response: Response) {
  const bitmap = await createImageBitmap(await response.blob());
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const context = canvas.getContext('2d');
  if (!context) return null;
  context.drawImage(bitmap, 0, 0);
  const { data } = context.getImageData(0, 0, bitmap.width, bitmap.height);
  return { pixels: data, width: bitmap.width };
}

/** Reading the property itself throws where cookies are blocked. */
function storage(): Storage | null {
  try {
    return localStorage;
  } catch {
    return null;
  }
}
