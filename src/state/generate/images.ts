import { createStore, type StoreApi } from 'zustand/vanilla';
import type { ImageChunk } from '../../protocol/generate';
import { className, imageName } from '../models';

/** One image and how it was made. */
export interface MadeImage {
  /** RGBA, resolution^2 * 4 bytes. */
  pixels: Uint8ClampedArray<ArrayBuffer>;
  resolution: number;
  /** Accessible name; null for images made beforehand, which are decoration until live ones replace them. */
  name: string | null;
  recipe: Recipe;
  /** The number of the request that made it; 0 = made beforehand. */
  generation: number;
}

export interface Recipe {
  modelKey: string;
  model: string;
  seed: number;
  /** null for unconditional networks. */
  classIndex: number | null;
  className: string | null;
  sigma: number;
  /** Of the second step; null where there is none. */
  sigmaMid: number | null;
  evaluations: number;
  sampler: string;
}

/** By position in the grid; null = nothing made yet. */
export type ImagesStore = StoreApi<{ images: readonly (MadeImage | null)[] }>;
export const createImagesStore = (): ImagesStore => createStore(() => ({ images: [] }));

/** Old images stay in their places; new places are empty. */
export function resize(store: ImagesStore, count: number): void {
  const { images } = store.getState();
  if (images.length !== count)
    store.setState({ images: Array.from({ length: count }, (_, i) => images[i] ?? null) });
}

/** Empties the places of images that another model made. */
export function keepOnly(store: ImagesStore, modelKey: string): void {
  const { images } = store.getState();
  if (images.some((image) => image && image.recipe.modelKey !== modelKey))
    store.setState({ images: images.map((image) => (image?.recipe.modelKey === modelKey ? image : null)) });
}

/** Gives a model's images the names of their classes, which came after them. */
export function rename(store: ImagesStore, modelKey: string, classes: readonly string[]): void {
  store.setState(({ images }) => ({
    images: images.map((image) => image && renamed(image, modelKey, classes)),
  }));
}

/** The image with the name of its class, where that model made it. */
export function renamed<T extends MadeImage>(image: T, modelKey: string, classes: readonly string[]): T {
  const { seed, classIndex } = image.recipe;
  if (image.recipe.modelKey !== modelKey || classIndex === null) return image;
  const recipe = { ...image.recipe, className: className(classes, classIndex) };
  const title = image.name?.slice(0, -imageName('', seed, image.recipe.className).length) ?? '';
  return { ...image, recipe, name: image.name && imageName(title, seed, recipe.className) };
}

/** Puts a chunk in place. An image of a newer request is never overwritten by an older one. */
export function place(
  store: ImagesStore,
  chunk: Pick<ImageChunk, 'indices' | 'pixels' | 'resolution'>,
  generation: number,
  recipe: (index: number, position: number) => Recipe,
): void {
  const images = [...store.getState().images];
  const size = chunk.resolution ** 2 * 4;
  chunk.indices.forEach((index, position) => {
    const old = images[index];
    if (index >= images.length || (old && old.generation > generation)) return;
    const made = recipe(index, position);
    images[index] = {
      pixels: chunk.pixels.subarray(position * size, (position + 1) * size),
      resolution: chunk.resolution,
      name: imageName(made.model, made.seed, made.className),
      recipe: made,
      generation,
    };
  });
  store.setState({ images });
}
