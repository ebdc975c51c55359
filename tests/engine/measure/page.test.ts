import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openBackend } from '../../../cli/backend';
import { openImages } from '../../../cli/data';
import { fileSource } from '../../../cli/files';
import type { Dataset } from '../../../src/data';
import { RandomStream } from '../../../src/distil/random';
import { extract } from '../../../src/engine/measure/extract';
import { measureFiles } from '../../../src/engine/measure/kept-measures';
import { measureInPage } from '../../../src/engine/measure/measure-model';
import { openOnBackend } from '../../../src/engine/measure/measure-networks';
import type { MeasureServices } from '../../../src/engine/measure/measuring';
import { nearestInPage } from '../../../src/engine/measure/nearest-model';
import { openModel } from '../../../src/engine/models/open-model';
import { writeNpz } from '../../../src/formats/npz';
import { writeSafetensors } from '../../../src/formats/safetensors';
import type { ActiveBackend } from '../../../src/gpu/backends';
import { InnateError } from '../../../src/lib/errors';
import { featureStatistics } from '../../../src/measure/moments';
import type { ImageDenoiser } from '../../../src/nn/denoiser';
import { CifarResNet } from '../../../src/nn/features/cifar-resnet';
import type { WeightSource } from '../../../src/nn/weights';
import type { MeasureRequest, NearestRequest } from '../../../src/protocol/measure';
import { scratch } from '../../support/cli';
import { drawnWeights } from '../../support/drawn';
import { FIXTURES, readGolden } from '../../support/fixtures';
import { measureServices } from '../../support/measure-services';
import { MemoryFile, MemoryFiles } from '../../support/memory-files';
import { smallResNet } from '../../support/small-resnet';

/** What the page's worker does, without a page: a mini network of grey images, its training set, private files in memory. */
const SIDE = 16;
const AREA = SIDE ** 2;
const TRAINING = 120;
const WAVES = 12;
const model = openModel(fileSource(join(FIXTURES, 'parity/ncsnpp-16-grey-ve.pkl')), {});

/** Images of a dozen waves with drawn heights: no two are near each other. */
function waves(seed: number, count: number): Uint8Array {
  const heights = new RandomStream(seed, 'r1', 0).normals(count * WAVES);
  return Uint8Array.from({ length: count * AREA }, (_, at) => {
    const [n, y, x] = [Math.floor(at / AREA), Math.floor((at % AREA) / SIDE), at % SIDE];
    let value = 127;
    for (let k = 0; k < WAVES; k++)
      value += 14 * heights[n * WAVES + k]! * Math.cos(0.4 * ((k % 4) * x + Math.floor(k / 4) * y) + k);
    return Math.min(255, Math.max(0, value));
  });
}

const training = waves(1, TRAINING);
let data: Dataset;
let active: ActiveBackend;

beforeAll(async () => {
  active = await openBackend('wasm');
  const path = join(scratch(), 'training.npz');
  const shape = [TRAINING, SIDE, SIDE, 1];
  writeFileSync(path, writeNpz({ images: { dtype: 'u8', shape, data: training } }));
  data = await openImages(path, { channels: 1, resolution: SIDE });
});
beforeEach(() => new MemoryFiles().install());

/** A generator whose image is a function of its noise: `made` gives the picture of a number that the noise holds. */
const generator = (made: (number: number, noise: Float32Array) => ArrayLike<number>): ImageDenoiser =>
  ({
    config: model.config,
    async denoise(x: Float32Array, sigma: number) {
      const out = new Float32Array(x.length);
      for (let at = 0; at < x.length; at += AREA) {
        const noise = x.subarray(at, at + AREA).map((v) => v / sigma);
        const picture = made(Math.floor(Math.abs(noise[0]!) * 1e5), noise);
        for (let i = 0; i < AREA; i++) out[at + i] = (picture[i]! + 0.5 - 128) / 127.5;
      }
      return out;
    },
    dispose() {},
  }) as unknown as ImageDenoiser;

const copycat = generator((number, noise) => {
  const from = (number % TRAINING) * AREA;
  return noise.map((z, i) => training[from + i]! + 1.5 * z);
});
const others = waves(2, 400);
const honest = generator((number) => others.subarray((number % 400) * AREA, ((number % 400) + 1) * AREA));

interface Page {
  denoiser: ImageDenoiser;
  /** Hears each opening of the real images. */
  opened?: () => void;
}

const services = ({ denoiser, opened }: Page): MeasureServices =>
  measureServices({ active, model, denoiser: () => denoiser, data, opened });

const hooks = (signal = new AbortController().signal) => ({ signal, onProgress: () => {} });

describe('a measurement in the page', () => {
  const request: MeasureRequest = {
    id: 'run-1',
    model: { kind: 'opened', key: 'mini' },
    data: { kind: 'pack', id: 'waves' },
    features: 'resnet56',
    inception: null,
    protocol: null,
    count: 220,
    sampler: 'one-step',
    steps: 1,
  };

  it('that is cut off goes on behind what it saved, without its images, to the same bits', async () => {
    const whole = await measureInPage(request, services({ denoiser: honest }), hooks());
    expect(whole).toMatchObject({ n: 220, read: TRAINING, nfe: 1 });
    expect(whole.metrics.fid!.value).toBeGreaterThan(0);

    // The tab ends in the second block: what was saved of the first one, and of the real images, is all that there is.
    let calls = 0;
    const dying = { ...honest, config: model.config, dispose() {} } as ImageDenoiser;
    dying.denoise = (x, ...rest) => {
      calls += x.length / AREA;
      if (calls > 200) return Promise.reject(new InnateError('cancelled', 'the tab ended'));
      return honest.denoise(x, ...rest);
    };
    const second = { ...request, id: 'run-2' };
    await expect(measureInPage(second, services({ denoiser: dying }), hooks())).rejects.toThrow(
      'the tab ended',
    );
    expect((await measureFiles({ do: 'list' }, hooks())).runs).toBeGreaterThan(200 * 64 * 4);
    const reports: number[] = [];
    const resumed = await measureInPage({ ...second, data: null }, services({ denoiser: honest }), {
      ...hooks(),
      onProgress: ({ what, done }) => what === 'generating' && reports.push(done),
    });
    expect(reports[0]).toBe(200);
    expect(resumed).toEqual(whole);
    expect((await measureFiles({ do: 'list' }, hooks())).runs).toBe(0);
  });

  it('against statistics of features is measured without images: the distance of those, and nothing that pairs images', async () => {
    const net = await openOnBackend(new CifarResNet(smallResNet()));
    const values = Float32Array.from(training, (v) => v / 127.5 - 1);
    const found = await extract(net, { values, channels: 1, resolution: SIDE });
    net.dispose();
    const { mean, covariance } = featureStatistics(found.features, 64);
    let opened = 0;
    const page = services({ denoiser: honest, opened: () => opened++ });
    const against = (archive: Uint8Array, name: string) => {
      const data = { kind: 'statistics', file: new MemoryFile(archive, name), name } as const;
      return measureInPage({ ...request, count: 40, id: name.replace('.npz', ''), data }, page, hooks());
    };
    const shifted = (by: number) =>
      writeNpz({
        mu: { dtype: 'f64', shape: [64], data: mean.map((v) => v + by) },
        sigma: { dtype: 'f64', shape: [64, 64], data: covariance },
      });
    const results = [];
    for (const by of [0, 1, -1]) results.push(await against(shifted(by), `waves${by}.npz`));
    expect(results.map(({ metrics }) => Object.keys(metrics))).toEqual([['fid'], ['fid'], ['fid']]);
    expect([opened, results[0]!.reference]).toEqual([0, 'the statistics in waves0.npz']);
    // A mean that moves by 1 either way adds 64 to the squared distance, on the average of both ways.
    const [here, more, less] = results.map(({ metrics }) => metrics.fid!.value) as [number, number, number];
    expect(here).toBeGreaterThan(0);
    expect((more + less) / 2 - here).toBeCloseTo(64, 3);
    expect(results[0]!.metrics.fid!.floor).toBeNull();
    await expect(against(Uint8Array.of(1, 2, 3, 4), 'x.npz')).rejects.toThrow('no reference statistics');
  });

  it('needs its images where not all of them were measured, and says so', async () => {
    const without = { ...request, id: 'run-3', data: null };
    await expect(measureInPage(without, services({ denoiser: honest }), hooks())).rejects.toThrow(
      'the real images are needed once more',
    );
  });

  it('stops where it is cancelled', async () => {
    const abort = new AbortController();
    abort.abort();
    await expect(
      measureInPage({ ...request, id: 'run-4' }, services({ denoiser: honest }), hooks(abort.signal)),
    ).rejects.toThrow('cancelled');
  });
});

describe('nearest training images in the page', () => {
  const request = (space: NearestRequest['space']): NearestRequest => ({
    model: { kind: 'opened', key: 'mini' },
    data: { kind: 'pack', id: 'waves' },
    space,
    inception: null,
    of: { kind: 'seeds', first: 0, count: 40, sampler: 'one-step', steps: 1 },
    shown: 20,
  });

  it.each(['pixels', 'resnet56'] as const)('catch a copycat in %s', async (space) => {
    const found = await nearestInPage(request(space), services({ denoiser: copycat }), hooks());
    expect(found).toMatchObject({ copying: true, searched: TRAINING, resolution: SIDE });
    expect(found.images).toHaveLength(20);
    // Each pair is a copy and its source: as pixels they are a few levels apart.
    for (const { pixels, near } of found.images) {
      const difference = near[0]!.pixels.reduce((sum, v, i) => sum + Math.abs(v - pixels![i]!), 0);
      expect(difference / near[0]!.pixels.length).toBeLessThan(4);
    }
    const distances = found.images.map(({ near }) => near[0]!.distance);
    expect(distances).toEqual([...distances].sort((a, b) => a - b));
    expect(found.made).toHaveLength(40);
  });

  it('of one seed are those that it has within its set', async () => {
    const set = await nearestInPage(
      { ...request('pixels'), shown: 40 },
      services({ denoiser: honest }),
      hooks(),
    );
    const of = { kind: 'seeds', first: 17, count: 1, sampler: 'one-step', steps: 1 } as const;
    const ask = { ...request('pixels'), of, shown: 1 };
    const { images } = await nearestInPage(ask, services({ denoiser: honest }), hooks());
    expect(images).toHaveLength(1);
    expect(images[0]).toEqual(set.images.find(({ seed }) => seed === 17));
  });

  it('do not accuse a generator of its own images', async () => {
    const found = await nearestInPage(request('pixels'), services({ denoiser: honest }), hooks());
    expect(found.copying).toBe(false);
  });

  it('are found of one image that the page has, with features that stay for the next one', async () => {
    const pixels = new Uint8ClampedArray(4 * AREA);
    for (let p = 0; p < AREA; p++) pixels.fill(training[5 * AREA + p]!, 4 * p, 4 * p + 4);
    const of = { kind: 'image', pixels, resolution: SIDE } as const;
    const ask = { ...request('resnet56'), of, shown: 1 };
    const [first] = (await nearestInPage(ask, services({ denoiser: honest }), hooks())).images;
    expect(first).toMatchObject({ seed: null, suspect: true, quantile: 0 });
    expect(first!.near[0]).toMatchObject({ index: 5, distance: 0 });
    expect(first!.near[0]!.pixels).toEqual(pixels.map((v, i) => (i % 4 === 3 ? 255 : v)));
    const kept = await measureFiles({ do: 'list' }, hooks());
    expect(kept.features).toBeGreaterThan(TRAINING * 64 * 4);
    expect((await measureFiles({ do: 'drop-features' }, hooks())).features).toBe(0);
  });
});

describe('the Inception file', () => {
  const golden = readGolden(join(FIXTURES, 'method/measure.golden.safetensors'));
  const inception = drawnWeights(JSON.parse(golden.metadata.get('shapes')!), 1);
  const fileOf = (weights: WeightSource) => {
    const tensors = new Map(
      Array.from(weights.names(), (name) => {
        const bytes = () => new Uint8Array(weights.read(name).buffer);
        return [name, { dtype: 'f32' as const, shape: weights.shape(name)!, bytes }];
      }),
    );
    return new MemoryFile(
      new Uint8Array(Buffer.concat([...writeSafetensors({ tensors })])),
      'some.safetensors',
    );
  };
  const keep = (file: File) => measureFiles({ do: 'keep-inception', file }, hooks());

  it('is kept where it is one', async () => {
    const file = fileOf(inception);
    expect((await keep(file)).inception).toBe(file.size);
  });

  it.each([
    ['another network', fileOf(smallResNet()), 'not the Inception network of FID'],
    ['no network', new MemoryFile(new TextEncoder().encode('not a network'), 'other.pth'), 'other.pth'],
  ])('is not kept where it is %s', async (_what, file, says) => {
    const refused = await keep(file).catch((error) => error);
    expect(refused).toMatchObject({ code: 'bad-file' }); // 'io' would be a file that cannot be read
    expect(refused.describe()).toContain(says);
    expect((await measureFiles({ do: 'list' }, hooks())).inception).toBeNull();
  });
});
