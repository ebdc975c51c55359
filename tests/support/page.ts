import type { OnDevice } from '../../src/protocol/downloads';
import type { KeptModels, ModelInfo } from '../../src/protocol/models';
import { createStores } from '../../src/state/app-state';
import { createController } from '../../src/state/controller';
import { defaultView, type ViewState } from '../../src/state/generate/view';
import type { KeptOptions } from '../../src/state/history/kept';
import { FakeClient } from './fake-client';

/** The page's stores and controller on a client that a test answers for, with frames and time in its hand. */

export const entry = (id: string, classes: string[] | null, extra = {}) => ({
  id,
  name: `Model ${id}`,
  role: 'student',
  kind: 'shipped',
  dataset: 'd',
  precond: 'EDMPrecond',
  architecture: {},
  resolution: 1,
  channels: 3,
  classes,
  parameters: 1,
  files: [{ path: `${id}.safetensors`, bytes: 1, sha256: null, dtype: 'f16' }],
  licence: 'MIT',
  provenance: {},
  quality: [],
  ...extra,
});

export const CATALOGUE = JSON.stringify({
  version: 1,
  models: [
    entry('afhq-cat-64x64-gdd-i', null, { preview: 'previews/cat.webp' }),
    entry('clothes', ['shirt', 'boot', 'bag']),
    entry('elsewhere', null, {
      kind: 'official',
      method: 'edm',
      nfe: 35,
      files: [{ url: 'https://example.org/a.pkl', bytes: null, sha256: null, dtype: 'f32' }],
    }),
  ],
});

export const OPENED: ModelInfo = {
  key: 'opened-1',
  sigma: 80,
  sigmaFrom: 'file',
  sigmaMid: null,
  name: 'mine.pkl',
  role: 'unknown',
  resolution: 1,
  channels: 3,
  labelDim: 2,
  classes: null,
  parameters: 1,
  precond: 'EDMPrecond',
  architecture: 'DDPM++',
  bytes: 1,
  licence: null,
  notes: [],
  entries: ['ema'],
  entry: 'ema',
  kept: false,
};

/** The page after its boot. */
export async function bootPage(
  view: Partial<ViewState> = {},
  catalogue = CATALOGUE,
  kept: KeptModels = { models: [], problems: [], closed: [] },
  /** What earlier visits downloaded; null on a page that downloads nothing. */
  here: OnDevice['here'] | null = null,
  /** Where marked entries of the history are kept; nowhere when absent. */
  marks?: KeptOptions,
) {
  const client = new FakeClient();
  client.keptModels = kept;
  const stores = createStores({ ...defaultView(4), ...view }, null);
  const frames: (() => void)[] = [];
  let now = 0;
  const controller = createController({
    client,
    stores,
    engine: { modelsUrl: 'https://here/models/', wasmBinaries: {} },
    loadCatalogue: async () => catalogue,
    loadPacks: async () => '{}',
    loadLayers: async () => '{}',
    loadSheet: async () => ({ pixels: new Uint8ClampedArray(6 * 4 * 4).fill(9), width: 6 }),
    address: () => '',
    nextFrame: (callback) => frames.push(callback),
    now: () => now,
    ...(marks && { kept: marks }),
    downloads: here && {
      client: {
        list: async () => ({ here, parts: [], problems: [] }),
        download: () => new Promise(() => {}),
        check: () => new Promise(() => {}),
        remove: async () => {},
      },
      hosts: ['https://example.org'],
      free: async () => null,
      channel: null,
    },
  });
  const frame = () => {
    for (const callback of frames.splice(0)) callback();
  };
  await controller.boot();
  return {
    client,
    stores,
    controller,
    frame,
    frames,
    pass: (ms: number) => {
      now += ms;
    },
    red: () => stores.images.getState().images.map((image) => image?.pixels[0] ?? null),
    names: () => stores.images.getState().images.map((image) => image?.name ?? null),
  };
}
