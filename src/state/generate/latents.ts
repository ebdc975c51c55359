import { createStore, type StoreApi } from 'zustand/vanilla';

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
