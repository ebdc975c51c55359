import { readFileSync } from 'node:fs';
import type { Row } from '../../src/lib/activations';
import { InnateError } from '../../src/lib/errors';
import type { InspectEvent, InspectRequest, LookRequest, LookResult } from '../../src/protocol/layers';
import { createStores } from '../../src/state/app-state';
import { parsePacks } from '../../src/state/distil/packs';
import { defaultView } from '../../src/state/generate/view';
import { createLayersController } from '../../src/state/layers/controller';
import { parseCatalogue } from '../../src/storage/catalogue';
import { FakeClient, STATUS, tick } from './fake-client';

/** The Layers tab's controller on a client whose measurements and looks a test answers. */

export const catalogue = parseCatalogue(readFileSync('public/models/index.json', 'utf8'));
const packs = parsePacks(readFileSync('public/data/index.json', 'utf8'));
/** The map of the clothes that comes with the page. */
export const stored = readFileSync('public/layers/fashion-mnist-32x32-teacher.json', 'utf8');
export const ROWS: Row[] = (
  JSON.parse(stored) as { blocks: { name: string; resolution: number; channels: number }[] }
).blocks.map(({ name, resolution, channels }) => ({ name, block: name, part: null, resolution, channels }));

interface Measurement {
  request: InspectRequest;
  signal: AbortSignal;
  emit: (event: InspectEvent) => void;
  end: () => Promise<void>;
  fail: (error: InnateError) => Promise<void>;
}

class LayersClient extends FakeClient {
  readonly measurements: Measurement[] = [];
  readonly looks: {
    request: LookRequest;
    answer: (result: LookResult) => Promise<void>;
    fail: (error: InnateError) => Promise<void>;
  }[] = [];

  override inspect(
    request: InspectRequest,
    options: { signal?: AbortSignal; onEvent: (e: InspectEvent) => void },
  ): Promise<'complete'> {
    return new Promise((resolve, reject) => {
      this.measurements.push({
        request,
        signal: options.signal!,
        emit: options.onEvent,
        end: async () => {
          resolve('complete');
          await tick();
        },
        fail: async (error) => {
          reject(error);
          await tick();
        },
      });
    });
  }

  override look(request: LookRequest): Promise<never> {
    return new Promise((resolve, reject) => {
      this.looks.push({
        request,
        fail: async (error) => {
          reject(error);
          await tick();
        },
        answer: async (result) => {
          resolve(result as never);
          await tick();
        },
      });
    });
  }
}

/** The numbers of one level, all `value`. */
export const level = (at: number, value: number): InspectEvent => ({
  kind: 'samples',
  samples: { level: at, count: 1, values: { rms: new Float32Array(ROWS.length).fill(value) } },
});
export const rows: InspectEvent = { kind: 'rows', rows: ROWS, activeThreshold: 0.5 };

/** The tab on the clothes' student, before it is shown. */
export function layersPage() {
  const client = new LayersClient();
  const stores = createStores({ ...defaultView(), tab: 'layers', model: 'fashion-mnist-32x32-gdd-i' }, null);
  stores.catalogue.setState({ catalogue });
  stores.engine.setState({ status: STATUS });
  stores.distil.setState({ packs });
  /** The clock, ms, and what the site answers for the measurements that come with the page. */
  const world = {
    now: 0,
    site: async (teacher: string): Promise<string> => {
      if (teacher === 'fashion-mnist-32x32-teacher') return stored;
      throw new InnateError('io', 'no such file');
    },
  };
  const layers = createLayersController({
    client,
    stores,
    loadBeforehand: (id: string) => world.site(id),
    loadPacks: async () => {},
    nextFrame: (callback: () => void) => setTimeout(callback, 0),
    now: () => world.now,
  });
  const rms = () => layers.store.getState().findings?.table.cell('rms', 0, 3)?.mean ?? null;
  return { client, stores, layers, world, rms };
}
