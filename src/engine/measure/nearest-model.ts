import { allUnreadable, type Dataset } from '../../data';
import type { Vectors } from '../../measure/distances';
import { defaultSampling, type SamplerOptions } from '../../nn/samplers';
import type { NearestImage, NearestRequest, NearestResult, Rgba } from '../../protocol/measure';
import type { DataRef } from '../../protocol/models';
import { imagesToRgba } from '../inference/pixels';
import { sampleImages, seedBatch } from '../inference/sampling';
import type { Model } from '../models/model';
import type { CallHooks } from '../services';
import { asShown, type ImageBlock } from './extract';
import { MemoryStore, vectorsOf } from './feature-store';
import { classesInTurn, fillStore, modelImages, type StoreHooks } from './image-blocks';
import { withSmallPixels } from './joint-network';
import { inceptionWeights, trainingStore } from './kept-measures';
import { measureLocks } from './locks';
import { FEATURE_WORDS, openMeasureNetwork } from './measure-networks';
import { breather, type MeasureServices, turnOf } from './measuring';
import { type NearestImages, nearestImages, queriesOf, type Space, type Yardsticks } from './nearest-images';

/** Training images beside each generated one. */
const NEAR = 4;
/** Images of a turn on the back-end while a whole set is generated. */
const TURN_IMAGES = 50;

/** What real images have in a space, by the mark of the set: the same for every generated image. */
const yardsticks = new Map<string, Yardsticks>();

/**
 * The nearest training images of an image that the page sends, or of a model's seeds: what `innate nearest` does, in turns with
 * other calls. Features of the training set are kept for the next search.
 */
export async function nearestInPage(
  request: NearestRequest,
  services: MeasureServices,
  { signal, onProgress }: CallHooks,
): Promise<NearestResult> {
  const [breathe, turn] = [breather(signal), turnOf(services)];
  const report =
    (what: string, unit: 'images' | 'bytes' = 'images') =>
    (done: number, total: number) =>
      onProgress({ what, done, total, unit });
  const { model } = await turn(() => services.model(request.model));
  const data = await services.data.open(request.data, model.config, report('downloading images', 'bytes'), 0);
  const mark = JSON.stringify([
    dataMark(request.data),
    data.size,
    data.channels,
    data.resolution,
    request.space,
  ]);
  const look = async (space: Space | null): Promise<NearestResult> => {
    const hooks = { breathe, turn };
    const images = new Generated(request, model, services, hooks);
    const queries = await images.queries(space, report('generating'));
    let started = performance.now();
    const found = await nearestImages(queries, data, space, NEAR, {
      ...hooks,
      yardsticks: yardsticks.get(mark),
      onProgress: (done, total) => {
        report('looking at the training images')(done, total);
        if (space) started = performance.now(); // until here their features were computed
      },
    });
    const seconds = (performance.now() - started) / 1000;
    yardsticks.set(mark, found.yardsticks);
    return resultOf(found, data, {
      seconds,
      images: await shown(found, data, images, request.shown),
      space:
        request.space === 'pixels' ? 'pixels, root mean square of 0 to 255' : FEATURE_WORDS[request.space],
    });
  };
  const { space: where, inception } = request;
  if (where === 'pixels') return look(null);
  const weights = inception && (await inceptionWeights(inception));
  const features = await turn(() =>
    openMeasureNetwork({
      features: where,
      weights: services.data.feature,
      inception: weights,
      plan: services.recordedSteps(),
    }),
  );
  const net = withSmallPixels(features, data);
  try {
    return await measureLocks.hold('training-features', async () =>
      look({ net, store: await trainingStore(`${mark} with pixels`, net.dims) }),
    );
  } finally {
    net.dispose();
  }
}

/** A sample pack is told by its name; files by what changes with them. */
const dataMark = (data: DataRef): unknown =>
  data.kind === 'pack'
    ? data.id
    : data.files.map(({ name, size, lastModified }) => [name, size, lastModified]);

/** The images that are looked at, whoever made them. */
class Generated {
  constructor(
    private readonly request: NearestRequest,
    private readonly model: Model,
    private readonly services: MeasureServices,
    private readonly hooks: StoreHooks,
  ) {}

  async queries(space: Space | null, onProgress: (done: number, total: number) => void): Promise<Vectors> {
    const { of } = this.request;
    const { turn = (task) => task(), breathe } = this.hooks;
    if (of.kind === 'image') return turn(() => queriesOf(this.given(of.pixels, of.resolution), space));
    const { outChannels, imgResolution } = this.model.config.unet;
    const net = space?.net ?? pixelNetwork(outChannels * imgResolution ** 2);
    const store = new MemoryStore(net.dims);
    const denoiser = await turn(() => this.services.denoiser(this.model));
    try {
      const images = modelImages(denoiser, this.sampling(), of.count, 'in-turn', {
        first: of.first,
        size: TURN_IMAGES,
      });
      if (space) await fillStore(space.net, images, store, { ...this.hooks, onProgress });
      else {
        const blocks = images.blocks(0, { ...(breathe && { breathe }), onProgress })[Symbol.asyncIterator]();
        for (;;) {
          const { value, done } = await turn(() => blocks.next());
          if (done) break;
          await store.append({ features: value.values, logits: null });
        }
      }
    } finally {
      denoiser.dispose();
    }
    return vectorsOf({ store, from: 0, to: store.count }, store.count);
  }

  /** RGBA of some seeds, made once more. */
  async pictures(seeds: readonly number[]): Promise<Rgba[]> {
    const { outChannels: channels, imgResolution: resolution, labelDim } = this.model.config.unet;
    const { turn = (task) => task(), breathe } = this.hooks;
    if (seeds.length === 0) return [];
    const values = await turn(async () => {
      const denoiser = await this.services.denoiser(this.model);
      try {
        const batch = seedBatch(this.model.config, seeds, null);
        if (labelDim) batch.classes = classesInTurn(seeds, labelDim);
        return await sampleImages(denoiser, batch, this.sampling(), breathe ? { breathe } : {});
      } finally {
        denoiser.dispose();
      }
    });
    const size = channels * resolution ** 2;
    return seeds.map((_, i) => imagesToRgba(values.subarray(i * size, (i + 1) * size), channels, resolution));
  }

  /** The first of the seeds that are looked at; null of an image that the page sent. */
  get firstSeed(): number | null {
    const { of } = this.request;
    return of.kind === 'seeds' ? of.first : null;
  }

  private sampling(): SamplerOptions {
    const { of } = this.request;
    const own = defaultSampling(this.model.config.unet.imgResolution, this.model);
    return of.kind === 'seeds' ? { ...own, sampler: of.sampler, steps: of.steps } : own;
  }

  /** RGBA of the page in the channels of the model, in [-1, 1]. */
  private given(pixels: Uint8ClampedArray, resolution: number): ImageBlock {
    const { outChannels: channels } = this.model.config.unet;
    const area = resolution ** 2;
    const values = new Float32Array(channels * area);
    for (let c = 0; c < channels; c++)
      for (let p = 0; p < area; p++) values[c * area + p] = pixels[4 * p + c]! / 127.5 - 1;
    return { values: asShown(values), channels, resolution };
  }
}

const pixelNetwork = (dims: number) => ({ dims });

/** The images that lie nearest to the training set, the nearest first, with their neighbours. */
async function shown(
  found: NearestImages,
  data: Dataset,
  images: Generated,
  most: number,
): Promise<NearestImage[]> {
  const order = found.images
    .map((image, i) => ({ image, seed: images.firstSeed === null ? null : images.firstSeed + i }))
    .sort((a, b) => a.image.near[0]!.distance - b.image.near[0]!.distance)
    .slice(0, most);
  const pixels = await images.pictures(order.flatMap(({ seed }) => seed ?? []));
  const out: NearestImage[] = [];
  for (const [i, { image, seed }] of order.entries())
    out.push({
      seed,
      pixels: pixels[i] ?? null,
      quantile: image.quantile,
      ratioQuantile: image.ratioQuantile,
      inPixels: image.inPixels && {
        index: found.index(image.inPixels.near.place),
        quantile: image.inPixels.quantile,
        ratioQuantile: image.inPixels.ratioQuantile,
      },
      suspect: image.suspect,
      near: await Promise.all(
        image.near.map(async ({ place, distance }) => {
          const index = found.index(place);
          return { index, distance, pixels: await pictureOf(data, index) };
        }),
      ),
    });
  return out;
}

async function pictureOf(data: Dataset, index: number): Promise<Rgba> {
  const sample = await data.read(index);
  if (!sample) throw allUnreadable(data);
  const { channels, resolution } = data;
  return imagesToRgba(
    Float32Array.from(sample.pixels, (v) => (v + 0.5 - 128) / 127.5),
    channels,
    resolution,
  );
}

const resultOf = (
  { images: all, real, suspects, copying, searched }: NearestImages,
  data: Dataset,
  rest: Pick<NearestResult, 'seconds' | 'images' | 'space'>,
): NearestResult => ({
  ...rest,
  resolution: data.resolution,
  made: Float64Array.from(all, ({ near }) => near[0]!.distance).sort(),
  real,
  suspects,
  copying,
  searched,
  data: data.name,
});
