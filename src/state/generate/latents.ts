import { createStore, type StoreApi } from 'zustand/vanilla';
import type { ViewState } from './view';

/** A latent that a person brought: unit noise, [C, R, R] flat. */
export interface Latent {
  /** What the file is called. */
  name: string;
  values: Float32Array;
  channels: number;
  resolution: number;
}

/** Latents of this visit by their keys. A link names them and does not carry them. */
export type LatentsStore = StoreApi<{ latents: Readonly<Record<string, Latent>> }>;
export const createLatentsStore = (): LatentsStore => createStore(() => ({ latents: {} }));

/** Finds the latent of a key where it fits a network. */
export interface Latents {
  fitting(key: string, model: { channels: number; resolution: number }): Float32Array | null;
}

export const latentsOf = (store: LatentsStore): Latents => ({
  fitting(key, { channels, resolution }) {
    const latent = store.getState().latents[key];
    return latent && latent.channels === channels && latent.resolution === resolution ? latent.values : null;
  },
});

/** Latents that a view names and this page does not have. */
export function missingLatents(
  store: LatentsStore,
  { own, pins }: Pick<ViewState, 'own' | 'pins'>,
): string[] {
  const wanted = [...own, ...pins].flatMap(({ noise }) => noise?.latent ?? []);
  return [...new Set(wanted)].filter((key) => !store.getState().latents[key]);
}
