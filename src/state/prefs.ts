import { createStore, type StoreApi } from 'zustand/vanilla';
import { TILE_CHOICES, type TileChoice, WEIGHT_PRECISIONS } from '../lib/backends';
import type { BackendPreference, PrecisionPreference } from '../protocol/models';
import type { Place } from './place';

export const THEMES = ['auto', 'light', 'dark'] as const;
export type Theme = (typeof THEMES)[number];
const BACKENDS: readonly BackendPreference[] = ['auto', 'webgpu', 'wasm'];
const PRECISIONS: readonly PrecisionPreference[] = ['auto', ...WEIGHT_PRECISIONS];

/** How a person likes the page; the browser keeps it. */
export interface Prefs {
  theme: Theme;
  backend: BackendPreference;
  precision: PrecisionPreference;
  tiles: TileChoice;
  /** Enlarge with interpolation instead of whole pixels. */
  smooth: boolean;
  /** Ids of the actions that were last found in the palette, the newest first. */
  recent: readonly string[];
}

/** So many actions are remembered. */
const RECENT = 8;

/** The list with that action in front. */
export const withRecent = (recent: readonly string[], id: string): readonly string[] =>
  [id, ...recent.filter((other) => other !== id)].slice(0, RECENT);

/** Where each preference is kept. */
export const PREF_PLACES = {
  theme: { where: 'storage', key: 'innate.theme' },
  backend: { where: 'storage', key: 'innate.backend' },
  precision: { where: 'storage', key: 'innate.precision' },
  tiles: { where: 'storage', key: 'innate.tiles' },
  smooth: { where: 'storage', key: 'innate.smooth' },
  recent: { where: 'storage', key: 'innate.recent' },
} as const satisfies Record<keyof Prefs, Place>;

export type PrefsStore = StoreApi<Prefs>;

type KeyValue = Pick<Storage, 'getItem' | 'setItem'>;

const READ: { [K in keyof Prefs]: (text: string | null) => Prefs[K] } = {
  theme: (text) => THEMES.find((t) => t === text) ?? 'auto',
  backend: (text) => BACKENDS.find((b) => b === text) ?? 'auto',
  precision: (text) => PRECISIONS.find((p) => p === text) ?? 'auto',
  tiles: (text) => TILE_CHOICES.find((t) => t === text) ?? 'auto',
  smooth: (text) => text === 'true',
  recent: (text) => (text ? text.split(',') : []).slice(0, RECENT),
};

/** Storage may be forbidden or full: preferences then last as long as the page. */
export function createPrefsStore(storage: KeyValue | null): PrefsStore {
  const read = (key: string): string | null => {
    try {
      return storage?.getItem(key) ?? null;
    } catch {
      return null;
    }
  };
  const store = createStore<Prefs>(() => ({
    theme: READ.theme(read(PREF_PLACES.theme.key)),
    backend: READ.backend(read(PREF_PLACES.backend.key)),
    precision: READ.precision(read(PREF_PLACES.precision.key)),
    tiles: READ.tiles(read(PREF_PLACES.tiles.key)),
    smooth: READ.smooth(read(PREF_PLACES.smooth.key)),
    recent: READ.recent(read(PREF_PLACES.recent.key)),
  }));
  store.subscribe((prefs, before) => {
    for (const name of Object.keys(PREF_PLACES) as (keyof Prefs)[]) {
      if (prefs[name] === before[name]) continue;
      try {
        storage?.setItem(PREF_PLACES[name].key, String(prefs[name]));
      } catch {
        // Nothing to do: the choice holds for this page.
      }
    }
  });
  return store;
}
