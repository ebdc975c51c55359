import { type Dataset, DRAW_SEED } from '../../data';
import { shuffled } from '../../data/shuffle';
import { InnateError } from '../../lib/errors';
import type { Vectors } from '../../measure/distances';
import { extract, type ImageBlock } from './extract';
import type { FeatureStore } from './feature-store';
import { fillStore, type StoreHooks, setImages } from './image-blocks';
import { columnsOf, type JointNetwork } from './joint-network';
import {
  type HeldOut,
  inPixelsToo,
  type Memorisation,
  memorisation,
  pixelUnit,
  type Yardstick,
} from './memorisation';

/** Real images whose own nearest ones are the yardstick. */
const HELD_OUT = 1000;

/** Features with small pixels behind them, and a place for those of the training images; null: pixels alone. */
export interface Space {
  net: JointNetwork;
  store: FeatureStore;
}

export interface NearestImages extends Memorisation {
  /** Training images that were searched. */
  searched: number;
  /** Index in the data set of what was searched at a place. */
  index(place: number): number;
  yardsticks: Yardsticks;
}

export interface NearestHooks extends StoreHooks {
  /** What an earlier search of the same set has found of real images, in features and in pixels. */
  yardsticks?: Yardsticks | undefined;
}

/** What real images have, in the space that was asked for and, beside features, in pixels. */
export type Yardsticks = readonly Yardstick[];

/** Generated images as vectors of a space: their features, or their pixels. */
export const queriesOf = async (generated: ImageBlock, space: Space | null): Promise<Vectors> =>
  space
    ? { values: (await extract(space.net, generated)).features, dims: space.net.dims }
    : { values: generated.values, dims: generated.channels * generated.resolution ** 2 };

/**
 * The nearest training images of generated ones, of all that can be read, with the distances that real images have to each other
 * beside them. Throws where the set has too few.
 */
export async function nearestImages(
  queries: Vectors,
  data: Dataset,
  space: Space | null,
  k: number,
  hooks: NearestHooks = {},
): Promise<NearestImages> {
  const { breathe, turn = (task) => task(), yardsticks } = hooks;
  const all = setImages(data, data.size, 'stored');
  const stream = async function* (): AsyncGenerator<Float32Array> {
    if (space) {
      for await (const { features } of space.store.blocks()) yield features;
      return;
    }
    let done = 0;
    for await (const { values } of all.blocks(0, hooks)) {
      yield values;
      done += values.length / pixelsOf(data);
      hooks.onProgress?.(done, data.size);
    }
  };
  if (space) await fillStore(space.net, all, space.store, hooks);
  const readable = await readableOf(data, space?.store.count ?? null);
  if (readable.length < 2)
    throw new InnateError('bad-argument', 'too few images to look for neighbours', {
      where: data.name,
      expected: 'at least 2 that can be read',
      found: String(readable.length),
    });
  const heldOut = yardsticks ? null : await heldOutOf(data, space, readable);
  const look = (part: Part, at: number) =>
    memorisation(part.of(queries), heldOut ? part.held(heldOut) : yardsticks![at]!, part.stream(stream()), {
      k,
      unit: part.unit,
      ...(breathe && { breathe }),
    });
  const found = await turn(async () => {
    const [features, pixels] = partsOf(data, space);
    const first = await look(features, 0);
    if (!pixels) return { ...first, yardsticks: [first] };
    const second = await look(pixels, 1);
    return { ...inPixelsToo(first, second), yardsticks: [first, second] };
  });
  return { ...found, searched: readable.length, index: (place) => readable[place]! };
}

/** The part of joint vectors that one search looks at. */
interface Part {
  unit: number;
  of(vectors: Vectors): Vectors;
  held(heldOut: HeldOut): HeldOut;
  stream(blocks: AsyncIterable<Float32Array>): AsyncIterable<Float32Array>;
}

function partsOf(data: Dataset, space: Space | null): readonly [Part, Part?] {
  if (!space) {
    const unit = pixelUnit(pixelsOf(data));
    return [{ unit, of: (vectors) => vectors, held: (held) => held, stream: (blocks) => blocks }];
  }
  const { dims, split } = space.net;
  const part = (from: number, to: number, unit: number): Part => {
    const of = (vectors: Vectors) => columnsOf(vectors, from, to);
    return {
      unit,
      of,
      held: ({ vectors, places }) => ({ vectors: of(vectors), places }),
      async *stream(blocks) {
        for await (const values of blocks) yield of({ values, dims }).values;
      },
    };
  };
  return [part(0, split, 1), part(split, dims, pixelUnit(dims - split))];
}

/** Real images drawn at random, with a stated seed. */
async function heldOutOf(data: Dataset, space: Space | null, readable: Int32Array): Promise<HeldOut> {
  const places = Int32Array.from({ length: Math.min(HELD_OUT, readable.length) }, (_, i) =>
    shuffled(i, readable.length, DRAW_SEED, 0),
  );
  const vectors = space ? await rowsAt(space.store, places) : await pixelsAt(data, places, readable);
  return { vectors, places };
}

const pixelsOf = ({ channels, resolution }: Dataset): number => channels * resolution ** 2;

/** Indices of the images that can be read. `count`: how many those are, where that is known. */
async function readableOf(data: Dataset, count: number | null): Promise<Int32Array> {
  const all = Int32Array.from({ length: data.size }, (_, i) => i);
  if (count === data.size) return all;
  const readable: number[] = [];
  for (const i of all) if (await data.read(i)) readable.push(i);
  return Int32Array.from(readable);
}

async function rowsAt(store: FeatureStore, places: Int32Array): Promise<Vectors> {
  const { dims } = store;
  const values = new Float32Array(places.length * dims);
  const rows = new Map(Array.from(places, (place, row) => [place, row]));
  let before = 0;
  for await (const { features } of store.blocks()) {
    const n = features.length / dims;
    for (let i = 0; i < n; i++) {
      const row = rows.get(before + i);
      if (row !== undefined) values.set(features.subarray(i * dims, (i + 1) * dims), row * dims);
    }
    before += n;
  }
  return { values, dims };
}

async function pixelsAt(data: Dataset, places: Int32Array, readable: Int32Array): Promise<Vectors> {
  const dims = pixelsOf(data);
  const values = new Float32Array(places.length * dims);
  for (const [row, place] of places.entries()) {
    const { pixels } = (await data.read(readable[place]!))!;
    for (let j = 0; j < dims; j++) values[row * dims + j] = pixels[j]! / 127.5 - 1;
  }
  return { values, dims };
}
