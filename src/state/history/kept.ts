import type { HeldView, HistoryEntry, Thumbnail } from './store';

/** Where marked entries are kept between visits, and how a view is written. */
export interface KeptOptions {
  /** null where the browser keeps nothing for this page. */
  storage: Pick<Storage, 'getItem' | 'setItem'> | null;
  /** A view as the fragment of a link. */
  write: (view: HeldView) => string;
  read: (fragment: string) => HeldView;
}

/** For a page that keeps nothing. */
export const KEPT_NOWHERE: KeptOptions = {
  storage: null,
  write: () => '',
  read: () => {
    throw new Error('nothing is kept');
  },
};

const KEY = 'innate.history';

/** So many entries can be marked: together they take well under a megabyte of what the browser gives a page. */
export const MAX_KEPT = 24;

interface StoredEntry {
  link: string;
  words: string;
  resolution: number;
  /** RGB bytes as base64; empty without a picture. */
  picture: string;
}

/** The entries that earlier visits marked; what cannot be read is left out. */
export function readKept({ storage, read }: KeptOptions): Omit<HistoryEntry, 'id'>[] {
  try {
    const stored: unknown = JSON.parse(storage?.getItem(KEY) ?? '[]');
    if (!Array.isArray(stored)) return [];
    return stored.slice(-MAX_KEPT).flatMap((entry) => {
      if (!isStored(entry)) return [];
      return [{ state: read(entry.link), words: entry.words, picture: pictureOf(entry), kept: true }];
    });
  } catch {
    return [];
  }
}

/** Keeps the marked entries for the next visit; false where the browser does not. */
export function writeKept({ storage, write }: KeptOptions, entries: readonly HistoryEntry[]): boolean {
  try {
    const stored = entries.map(
      ({ state, words, picture }): StoredEntry => ({
        link: write(state),
        words,
        resolution: picture?.resolution ?? 0,
        picture: picture ? base64(picture) : '',
      }),
    );
    if (!storage) return stored.length === 0;
    storage.setItem(KEY, JSON.stringify(stored));
    return true;
  } catch {
    return false; // full, or forbidden
  }
}

/** Whether a link can carry the view: it does not carry latents of files. */
export const linkCarries = ({ own, pins }: HeldView): boolean =>
  [...own, ...pins].every(({ noise }) => noise === null || noise.latent === null);

const isStored = (entry: unknown): entry is StoredEntry =>
  typeof entry === 'object' &&
  entry !== null &&
  'link' in entry &&
  typeof entry.link === 'string' &&
  'words' in entry &&
  typeof entry.words === 'string' &&
  'resolution' in entry &&
  typeof entry.resolution === 'number' &&
  'picture' in entry &&
  typeof entry.picture === 'string';

function base64({ pixels }: Thumbnail): string {
  let text = '';
  for (let p = 0; p < pixels.length; p += 4)
    text += String.fromCharCode(pixels[p]!, pixels[p + 1]!, pixels[p + 2]!);
  return btoa(text);
}

function pictureOf({ picture, resolution }: StoredEntry): Thumbnail | null {
  const bytes = atob(picture);
  if (resolution < 1 || bytes.length !== 3 * resolution ** 2) return null;
  const pixels = new Uint8ClampedArray(4 * resolution ** 2).fill(255);
  for (let p = 0; p < resolution ** 2; p++)
    for (let c = 0; c < 3; c++) pixels[4 * p + c] = bytes.charCodeAt(3 * p + c);
  return { pixels, resolution, name: null };
}
