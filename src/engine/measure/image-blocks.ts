import { allUnreadable, type Dataset, DRAW_SEED, drawn } from '../../data';
import type { ImageDenoiser } from '../../nn/denoiser';
import type { SamplerOptions } from '../../nn/samplers';
import { sampleImages, seedBatch } from '../inference/sampling';
import { asShown, extract, type ImageBlock } from './extract';
import type { FeatureStore } from './feature-store';
import type { MeasureNetwork } from './measure-networks';

/** Images between two saves. */
const BLOCK = 200;

export interface StoreHooks {
  breathe?: () => Promise<void>;
  /** Hears how many of how many images are done. */
  onProgress?: (done: number, total: number) => void;
  /** Keep the logits too. */
  logits?: boolean;
  /** Runs the work of one block when the back-end is free. */
  turn?: <T>(task: () => Promise<T>) => Promise<T>;
}

/** Images that come in blocks. */
export interface ImageStream {
  /** At most so many. */
  total: number;
  /** The blocks behind the first `from` images. */
  blocks(from: number, hooks: StoreHooks): AsyncIterable<ImageBlock>;
}

/** Fills a store with the features of the images that it does not have yet. */
export async function fillStore(
  net: MeasureNetwork,
  images: ImageStream,
  store: FeatureStore,
  hooks: StoreHooks = {},
): Promise<void> {
  const { breathe, onProgress, logits = false, turn = (task) => task() } = hooks;
  onProgress?.(store.count, images.total);
  if (store.count >= images.total) return;
  const blocks = images.blocks(store.count, hooks)[Symbol.asyncIterator]();
  const next = async () => {
    const { value, done } = await blocks.next();
    if (!done) await store.append(await extract(net, value, { logits, breathe }));
    return !done;
  };
  while (await turn(next)) onProgress?.(store.count, images.total);
}

/** Whether every class has its share in turn, or each seed the class that it draws. */
export type SeedClasses = 'in-turn' | 'of-seed';

export const classesInTurn = (seeds: readonly number[], labelDim: number): Int32Array =>
  Int32Array.from(seeds, (seed) => seed % labelDim);

/** Images of the seeds `first`, `first` + 1, ... of a model, rounded to bytes, in blocks of `size`. */
export const modelImages = (
  denoiser: ImageDenoiser,
  sampling: SamplerOptions,
  total: number,
  classes: SeedClasses,
  { first = 0, size = BLOCK } = {},
): ImageStream => ({
  total,
  async *blocks(from, { breathe, onProgress }) {
    const { config } = denoiser;
    const { labelDim, outChannels: channels, imgResolution: resolution } = config.unet;
    for (let at = from; at < total; at += size) {
      const seeds = Array.from({ length: Math.min(size, total - at) }, (_, i) => first + at + i);
      const batch = seedBatch(config, seeds, null);
      if (labelDim && classes === 'in-turn') batch.classes = classesInTurn(seeds, labelDim);
      const values = await sampleImages(denoiser, batch, sampling, {
        ...(breathe && { breathe }),
        onProgress: (p) => onProgress?.(at + Math.floor((seeds.length * p.done) / p.total), total),
      });
      yield { values: asShown(values), channels, resolution };
    }
  },
});

/** Images of a set: readable ones drawn at random, or all in their order. */
export const setImages = (
  data: Dataset,
  total: number,
  order: 'drawn' | 'stored',
  { seed = DRAW_SEED, block = BLOCK } = {},
): ImageStream => ({
  total: Math.min(total, data.size),
  async *blocks(from) {
    const { channels, resolution } = data;
    const size = channels * resolution ** 2;
    let values = new Float32Array(block * size);
    let [met, filled] = [0, 0];
    for await (const { pixels } of order === 'drawn' ? drawn(data, seed) : stored(data)) {
      if (met++ >= from) {
        for (let j = 0; j < size; j++) values[filled * size + j] = pixels[j]! / 127.5 - 1;
        filled++;
      }
      if (filled === block) {
        yield { values, channels, resolution };
        values = new Float32Array(block * size);
        filled = 0;
      }
      if (met === total) break; // no other image is read
    }
    if (filled > 0) yield { values: values.subarray(0, filled * size), channels, resolution };
    if (met === 0) throw allUnreadable(data);
  },
});

async function* stored(data: Dataset) {
  for (let i = 0; i < data.size; i++) {
    const sample = await data.read(i);
    if (sample) yield sample;
  }
}
