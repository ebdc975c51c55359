import { createStore, type StoreApi } from 'zustand/vanilla';
import { type ClassMix, sharesOf } from '../../lib/class-mix';
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
  /** What the noise is: the seed's, a latent that a person brought, or either painted over. */
  noise: 'seed' | 'latent' | 'painted' | 'painted latent';
  /** null for unconditional networks. */
  classIndex: number | null;
  /** What its class is mixed with. */
  mix: ClassMix;
  /** Of mixed classes all names with their weights. */
  className: string | null;
  sigma: number;
  temperature: number;
  /** Of the second step; null where there is none. */
  sigmaMid: number | null;
  evaluations: number;
  sampler: string;
}

interface ImagesState {
  /** By position in the grid; null = nothing made yet. */
  images: readonly (MadeImage | null)[];
  /** Positions that are scrolled out of sight, ascending: they are made last. */
  unseen: readonly number[];
}

export type ImagesStore = StoreApi<ImagesState>;
export const createImagesStore = (): ImagesStore => createStore(() => ({ images: [], unseen: [] }));

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

/** The accessible name of an image: model or row, seed, class. */
export function imageNameOf(title: string, { seed, noise, className: words }: Recipe): string {
  const name = noise === 'seed' ? title : `${title}, ${noise}`;
  return imageName(name, seed, words);
}

/** The image with the name of its class, where that model made it. */
export function renamed<T extends MadeImage>(image: T, modelKey: string, classes: readonly string[]): T {
  const { classIndex, mix } = image.recipe;
  if (image.recipe.modelKey !== modelKey || classIndex === null) return image;
  const recipe = { ...image.recipe, className: classWords(classes, classIndex, mix) };
  const title = image.name?.slice(0, -imageNameOf('', image.recipe).length) ?? '';
  return { ...image, recipe, name: image.name && imageNameOf(title, recipe) };
}

/** Name of an image's class; of mixed ones each with its weight. */
export function classWords(
  classes: readonly string[] | null,
  own: number | null,
  mix: ClassMix,
): string | null {
  if (own === null) return null;
  if (mix.length === 0) return className(classes, own);
  const shares = sharesOf(own, mix).sort((a, b) => b.weight - a.weight);
  return shares.map(({ index, weight }) => `${weight} ${className(classes, index)}`).join(', ');
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
      name: imageNameOf(made.model, made),
      recipe: made,
      generation,
    };
  });
  store.setState({ images });
}
