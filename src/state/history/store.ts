import { createStore, type StoreApi } from 'zustand/vanilla';
import type { ViewState } from '../generate/view';
import type { Moment, Timeline } from './timeline';

/** What undo brings back: everything that the view holds but which tab is shown, which is the browser's to go back in. */
export type HeldView = Omit<ViewState, 'tab' | 'layers'>;

/** A small picture of what was seen. */
export interface Thumbnail {
  pixels: Uint8ClampedArray<ArrayBuffer>;
  resolution: number;
  name: null;
}

/** What was seen at one time. */
export interface HistoryEntry extends Moment<HeldView> {
  /** What was changed to come here: "seed 17". */
  words: string;
  /** The selected image; null before it was made, and in Compare. */
  picture: Thumbnail | null;
}

export type HistoryStore = StoreApi<Timeline<HistoryEntry>>;
export const createHistoryStore = (): HistoryStore => createStore(() => ({ moments: [], current: -1 }));

/** The larger side of a thumbnail, in pixels: so all of them together stay small. */
const SIDE = 64;

/** A picture of at most 64 x 64 pixels, averaged from blocks of whole pixels. */
export function thumbnailOf({ pixels, resolution }: Omit<Thumbnail, 'name'>): Thumbnail {
  const factor = Math.max(1, Math.ceil(resolution / SIDE));
  const side = Math.floor(resolution / factor);
  if (factor === 1) return { pixels: pixels.slice(), resolution, name: null };
  const small = new Uint8ClampedArray(side * side * 4);
  for (let y = 0; y < side; y++)
    for (let x = 0; x < side; x++)
      for (let c = 0; c < 4; c++) {
        let sum = 0;
        for (let j = 0; j < factor; j++)
          for (let i = 0; i < factor; i++)
            sum += pixels[((y * factor + j) * resolution + x * factor + i) * 4 + c]!;
        small[(y * side + x) * 4 + c] = sum / factor ** 2;
      }
  return { pixels: small, resolution: side, name: null };
}
