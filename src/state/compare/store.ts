import { createStore, type StoreApi } from 'zustand/vanilla';
import type { Progress } from '../../protocol/models';
import { type MadeImage, renamed } from '../generate/images';

/** An image of a row, and the class that was asked for: null = that of its seed. */
export interface RowImage extends MadeImage {
  asked: number | null;
  /** What it was mixed with, its temperature and what it has of its own, as one text; absent = as usual. */
  also?: string;
}

/** What has come of a row. Rows of the same model and settings share it. */
export interface RowResult {
  /** By column: the newest image that was made there, of the seed that it names. */
  images: readonly (RowImage | null)[];
  /** What the newest images took together. */
  reading: { images: number; ms: number } | null;
  /** Why they could not be made; null = nothing failed. */
  error: string | null;
}

/** The row that is on the back-end. */
export interface RowRun {
  key: string;
  made: number;
  wanted: number;
  progress: Progress | null;
  /** When it began to compute, in the page's clock; null while its model is being read. */
  since: number | null;
}

/** Rows of images, by `formatRowSpec` of their rows. */
export interface CompareState {
  /** Images side by side, as many as fit. */
  columns: number;
  results: Readonly<Record<string, RowResult>>;
  run: RowRun | null;
  /** Bytes held on the back-end while a model was there, by its key: what was seen, not an estimate. */
  bytes: Readonly<Record<string, number>>;
}

export type CompareStore = StoreApi<CompareState>;
export const createCompareStore = (): CompareStore =>
  createStore(() => ({ columns: 0, results: {}, run: null, bytes: {} }));

const EMPTY: RowResult = { images: [], reading: null, error: null };

export const resultOf = ({ results }: CompareState, key: string): RowResult => results[key] ?? EMPTY;

export function changeResult(store: CompareStore, key: string, change: Partial<RowResult>): void {
  store.setState((state) => ({
    results: { ...state.results, [key]: { ...resultOf(state, key), ...change } },
  }));
}

/** Gives a model's images the names of their classes, which came after them. */
export function renameRows(store: CompareStore, modelKey: string, classes: readonly string[]): void {
  const { results } = store.getState();
  const named = Object.entries(results).map(([key, result]): [string, RowResult] => [
    key,
    { ...result, images: result.images.map((image) => image && renamed(image, modelKey, classes)) },
  ]);
  store.setState({ results: Object.fromEntries(named) });
}

/** Lets go of the images of rows that are gone. */
export function keepResults(store: CompareStore, keys: readonly string[]): void {
  const { results } = store.getState();
  if (Object.keys(results).every((key) => keys.includes(key))) return;
  store.setState({
    results: Object.fromEntries(Object.entries(results).filter(([key]) => keys.includes(key))),
  });
}

/** What a column is to show. */
export interface WantedImage {
  seed: number;
  asked: number | null;
  also?: string;
}

export const shows = (image: RowImage | null | undefined, want: WantedImage): boolean =>
  !!image &&
  image.recipe.seed === want.seed &&
  image.asked === want.asked &&
  (image.also ?? '') === (want.also ?? '');

/** Images that are already made move to the columns where they are wanted now; others stay until they are replaced. */
export function realign(
  images: readonly (RowImage | null)[],
  wanted: readonly WantedImage[],
): (RowImage | null)[] {
  return wanted.map((want, column) => images.find((image) => shows(image, want)) ?? images[column] ?? null);
}
