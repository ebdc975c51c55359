import { describe, expect, test } from 'vitest';
import { InnateError } from '../../../src/lib/errors';
import { createStores } from '../../../src/state/app-state';
import { resultOf } from '../../../src/state/compare/store';
import { readComparison } from '../../../src/state/compare/view';
import { createController } from '../../../src/state/controller';
import { defaultView, type ViewState } from '../../../src/state/generate/view';
import { formatHash, readHash } from '../../../src/state/url';
import { FakeClient, tick } from '../../support/fake-client';

const entry = (id: string, change = {}) => ({
  id,
  name: id,
  role: 'student',
  kind: 'shipped',
  dataset: 'd',
  precond: 'EDMPrecond',
  architecture: {},
  resolution: 1,
  channels: 3,
  classes: null,
  parameters: 1000,
  files: [{ path: `${id}.safetensors`, bytes: 1, sha256: null, dtype: 'f16' }],
  licence: 'MIT',
  provenance: {},
  quality: [],
  ...change,
});

const PUBLIC_FILE = { url: 'https://host.example/net.pkl', bytes: 1, sha256: null, dtype: 'f32' };

const CATALOGUE = JSON.stringify({
  version: 1,
  models: [
    entry('afhq-cat-64x64-gdd-i', { name: 'cats', teacher: 'teacher' }),
    entry('teacher', { role: 'teacher', sigma: 80 }),
    entry('clothes', { classes: ['shirt', 'boot', 'bag'], sigma: 2.5 }),
    entry('twice', { sigma: 2.5, nfe: 2, sigma_mid: 0.6 }),
    entry('public', { kind: 'official', method: 'sid', nfe: 1, files: [PUBLIC_FILE] }),
    entry('others', { classes: ['bag', 'hat'] }),
  ],
});

async function set(view: Partial<ViewState> = {}, columns = 2) {
  const client = new FakeClient();
  const stores = createStores({ ...defaultView(4), ...view }, null);
  const frames: (() => void)[] = [];
  let now = 0;
  const controller = createController({
    client,
    stores,
    engine: { modelsUrl: 'https://here/models/', wasmBinaries: {} },
    loadCatalogue: async () => CATALOGUE,
    loadPacks: async () => '{}',
    loadLayers: async () => '{}',
    loadSheet: async () => null,
    address: (shown) => formatHash(shown, defaultView(4)),
    nextFrame: (callback) => frames.push(callback),
    now: () => now,
  });
  const frame = () => {
    for (const callback of frames.splice(0)) callback();
  };
  await controller.boot();
  controller.compare.fit(columns);
  frame();
  return {
    client,
    stores,
    controller,
    frame,
    pass: (ms: number) => {
      now += ms;
    },
    rows: () => readComparison(stores.view.getState().comparison).rows?.map((r) => r.model),
    /** Red of a row's images, and of which seeds they are. */
    made: (key: string) =>
      resultOf(stores.compare.getState(), key).images.map(
        (image) => image && [image.pixels[0], image.recipe.seed],
      ),
    /** What each request asked for. */
    asked: () =>
      client.calls.map(({ request: { model, seeds, sampler, steps } }) => {
        const how = sampler === 'heun' ? `@${steps}` : '';
        return `${model.kind === 'catalogue' ? model.id : model.key}${how} ${seeds.join()}`;
      }),
  };
}

const COMPARE = { compare: true } as const;
const CATS = 'afhq-cat-64x64-gdd-i';

describe('one model after the other', () => {
  test('the student comes first, then its teacher in 18 Heun steps', async () => {
    const s = await set(COMPARE);
    expect(s.rows()).toEqual([CATS, 'teacher']);
    expect(s.asked()).toEqual([`${CATS} 0,1`]);
    s.client.calls[0]!.deliver([0], 10);
    expect(s.made(CATS)).toEqual([[10, 0], null]); // rows fill as images come
    expect(s.stores.compare.getState().run).toMatchObject({ made: 1, wanted: 2 });
    s.client.calls[0]!.deliver([1], 11);
    expect(s.asked()).toHaveLength(1); // the teacher waits until the first is done
    await s.client.calls[0]!.settle();
    s.frame();
    expect(s.asked()).toEqual([`${CATS} 0,1`, 'teacher@18 0,1']);
    expect(resultOf(s.stores.compare.getState(), CATS).reading).toEqual({ images: 2, ms: 10 });
  });

  test('another temperature is another image; one that comes back is not made again', async () => {
    const s = await set(COMPARE);
    s.client.calls[0]!.deliver([0, 1], 10);
    await s.client.calls[0]!.settle();
    s.frame();
    s.stores.view.setState({ temperature: 0.5 });
    s.frame();
    const warm = s.client.calls.at(-1)!;
    expect(warm.request).toMatchObject({ model: { id: CATS }, seeds: [0, 1], temperature: 0.5 });
    warm.deliver([0], 20);
    expect(s.made(CATS)).toEqual([
      [20, 0],
      [10, 1],
    ]);
    s.stores.view.setState({ temperature: 1 });
    s.frame();
    expect(s.client.calls.at(-1)!.request).toMatchObject({ model: { id: CATS }, seeds: [0] });
    expect(s.client.calls.at(-1)!.request.temperature).toBeUndefined();
  });

  test('what an image has of its own it has in every row: noise where it fits, a class where it exists', async () => {
    const stroke = { seed: 9, radius: 1, strength: 0.5, points: [0, 0] };
    const own = [{ place: 1, classIndex: 1, noise: { latent: null, strokes: [stroke] } }];
    const s = await set({ ...COMPARE, own, comparison: 'row=clothes&row=others&row=teacher' });
    const noise = { kind: 'painted', under: { kind: 'seed', seed: 1 }, strokes: [stroke] };
    const requests = async () => {
      const call = s.client.calls.at(-1)!;
      call.deliver(
        call.request.seeds.map((_, i) => i),
        10,
      );
      await call.settle();
      s.frame();
      return call.request.own;
    };
    expect(await requests()).toEqual([null, { noise, classIndex: 1, mix: [] }]);
    expect(await requests()).toEqual([null, { noise }]); // it has no boot
    expect(await requests()).toEqual([null, { noise }]);
    const made = s.client.calls.length;
    s.stores.view.setState({ own: [] });
    s.frame();
    expect(s.client.calls).toHaveLength(made + 1);
    expect(s.client.calls.at(-1)!.request).toMatchObject({ model: { id: 'clothes' }, seeds: [1] });
    expect(s.client.calls.at(-1)!.request.own).toBeUndefined();
  });

  test('a latent that comes later makes the image that names it anew, where it fits', async () => {
    const own = [{ place: 0, classIndex: null, noise: { latent: 'z', strokes: [] } }];
    const s = await set({ ...COMPARE, own });
    const first = s.client.calls[0]!;
    expect(first.request.own).toBeUndefined();
    first.deliver([0, 1], 10);
    await first.settle();
    const latent = (values: number[]) => ({
      name: 'z.npy',
      values: new Float32Array(values),
      channels: 3,
      resolution: 1,
    });
    s.stores.latents.setState({ latents: { z: latent([1, 2, 3]) } });
    s.frame();
    expect(s.client.calls.at(-1)!.request).toMatchObject({
      model: { id: CATS },
      seeds: [0],
      own: [{ noise: { kind: 'latent', values: new Float32Array([1, 2, 3]) } }],
    });
  });

  test('the one model makes no images meanwhile, and comes back as it was', async () => {
    const s = await set({ seed: 4 });
    s.frame();
    expect(s.asked()).toEqual([`${CATS} 4,5,6,7`]);
    s.controller.compare.show(true);
    s.frame();
    await s.client.calls[0]!.settle('superseded');
    s.stores.view.setState({ seed: 5 });
    s.frame();
    expect(
      s
        .asked()
        .slice(1)
        .every((line) => !line.includes('8')),
    ).toBe(true);
    s.controller.compare.show(false);
    s.frame();
    expect(s.asked().at(-1)).toBe(`${CATS} 5,6,7,8`);
    s.controller.compare.show(true);
    expect(s.rows()).toEqual([CATS, 'teacher']);
  });

  test('a new seed drops what is unfinished and starts with the top row', async () => {
    const s = await set(COMPARE);
    s.client.calls[0]!.deliver([0, 1]);
    await s.client.calls[0]!.settle();
    s.frame();
    expect(s.asked().at(-1)).toBe('teacher@18 0,1');
    s.stores.view.setState({ seed: 7 });
    s.frame();
    expect(s.client.calls[1]!.options.signal?.aborted).toBe(true);
    expect(s.asked().at(-1)).toBe(`${CATS} 7,8`);
    // What the dropped request still sends belongs to nobody.
    s.client.calls[1]!.deliver([0], 99);
    expect(s.made('teacher@heun:18')).toEqual([null, null]);
  });

  test('a drag on a slow machine shows the first image before the next request takes over', async () => {
    const s = await set(COMPARE);
    s.stores.view.setState({ seed: 1 });
    s.frame();
    s.stores.view.setState({ seed: 2 });
    s.frame();
    expect(s.asked()).toEqual([`${CATS} 0,1`]);
    s.client.calls[0]!.deliver([0], 10);
    s.frame();
    expect(s.asked()).toEqual([`${CATS} 0,1`, `${CATS} 2,3`]);
    s.stores.view.setState({ seed: 3 });
    s.pass(5000); // its time is over
    s.frame();
    expect(s.asked().at(-1)).toBe(`${CATS} 3,4`);
  });

  test('images that are there move with the seed, and only the missing ones are made', async () => {
    const s = await set(COMPARE, 3);
    s.client.calls[0]!.deliver([0, 1, 2], 10);
    await s.client.calls[0]!.settle();
    s.frame();
    s.stores.view.setState({ seed: 1 });
    s.frame();
    expect(s.asked().at(-1)).toBe(`${CATS} 3`);
    expect(s.made(CATS)).toEqual([
      [10, 1],
      [10, 2],
      [10, 2], // stays until its successor comes
    ]);
    s.client.calls.at(-1)!.deliver([0], 20);
    expect(s.made(CATS)![2]).toEqual([20, 3]);
    s.controller.compare.fit(4);
    s.frame();
    await s.client.calls.at(-1)!.settle();
    s.frame();
    expect(s.asked().at(-1)).toBe(`${CATS} 4`);
  });

  test('a row that fails says so, the next one comes, and it can be tried again', async () => {
    const s = await set(COMPARE);
    await s.client.calls[0]!.fail(new InnateError('bad-file', 'the file is damaged'));
    s.frame();
    expect(resultOf(s.stores.compare.getState(), CATS).error).toBe('the file is damaged');
    expect(s.asked().at(-1)).toBe('teacher@18 0,1');
    s.client.calls[1]!.deliver([0, 1]);
    await s.client.calls[1]!.settle();
    s.frame();
    expect(s.asked()).toHaveLength(2);
    s.controller.compare.retry(CATS);
    s.frame();
    expect(s.asked().at(-1)).toBe(`${CATS} 0,1`);
  });

  test('Layers has the back-end while it is shown', async () => {
    const s = await set(COMPARE);
    s.stores.view.setState({ tab: 'layers' });
    s.frame();
    expect(s.client.calls[0]!.options.signal?.aborted).toBe(true);
    s.stores.view.setState({ tab: 'generate' });
    s.frame();
    expect(s.asked()).toEqual([`${CATS} 0,1`, `${CATS} 0,1`]);
  });

  test('Generate makes everything anew', async () => {
    const s = await set(COMPARE);
    s.client.calls[0]!.deliver([0, 1]);
    await s.client.calls[0]!.settle();
    s.frame();
    s.controller.generate();
    expect(s.asked().at(-1)).toBe(`${CATS} 0,1`);
    expect(s.made(CATS)).toEqual([null, null]);
  });
});

describe('rows', () => {
  test('an added one waits its turn, a removed one goes and comes back with what it had', async () => {
    const s = await set(COMPARE);
    s.controller.compare.add({ model: 'clothes', sampler: 'one-step', steps: null, sigma: null });
    s.frame();
    expect(s.client.calls[0]!.options.signal?.aborted).toBe(false); // nothing is dropped
    s.client.calls[0]!.deliver([0, 1], 10);
    await s.client.calls[0]!.settle();
    s.frame();
    const undo = s.controller.compare.remove(0);
    expect(s.rows()).toEqual(['teacher', 'clothes']);
    s.frame();
    undo();
    s.frame();
    expect(s.rows()).toEqual([CATS, 'teacher', 'clothes']);
    expect(s.made(CATS)).toEqual([
      [10, 0],
      [10, 1],
    ]);
    expect(s.asked()).toEqual([`${CATS} 0,1`, 'teacher@18 0,1']);
  });

  test('removing the row that is being made lets the next one begin', async () => {
    const s = await set(COMPARE);
    s.controller.compare.remove(0);
    s.frame();
    expect(s.client.calls[0]!.options.signal?.aborted).toBe(true);
    expect(s.asked().at(-1)).toBe('teacher@18 0,1');
  });

  test('another order changes nothing of what is under way', async () => {
    const s = await set(COMPARE);
    s.controller.compare.move(1, 0);
    s.frame();
    expect(s.rows()).toEqual(['teacher', CATS]);
    expect(s.client.calls[0]!.options.signal?.aborted).toBe(false);
  });

  test('settings of a row are its own', async () => {
    const s = await set(COMPARE);
    s.controller.compare.change(0, { sigma: 40, sampler: 'heun', steps: 4 });
    s.frame();
    expect(s.client.calls.at(-1)!.request).toMatchObject({ sigma: 40, sampler: 'heun', steps: 4 });
    expect(s.controller.link()).toContain(`row=${CATS}@heun:4,sigma=40`);
  });

  test('start at their models’ own sigma, and have the chosen class by its name', async () => {
    const s = await set({ ...COMPARE, classIndex: 2, comparison: 'row=clothes&row=others&row=teacher' });
    expect(s.client.calls[0]!.request).toMatchObject({ classIndex: 2, sigma: 2.5 });
    s.client.calls[0]!.deliver([0, 1]);
    await s.client.calls[0]!.settle();
    s.frame();
    expect(s.client.calls[1]!.request).toMatchObject({ classIndex: 0, sigma: 80 }); // its bag
    s.client.calls[1]!.deliver([0, 1]);
    await s.client.calls[1]!.settle();
    s.frame();
    expect(s.client.calls[2]!.request.classIndex).toBeNull();
    expect(s.stores.view.getState().classIndex).toBe(2); // not the one model's business
  });

  test('an image that is open where there is no room for it is made all the same', async () => {
    const s = await set({ ...COMPARE, comparison: `row=${CATS}&at=0,3` });
    expect(s.asked()).toEqual([`${CATS} 0,1,2,3`]);
  });

  test('a two-step student is sampled in its two steps unless the row says otherwise', async () => {
    const s = await set({ ...COMPARE, comparison: 'row=twice&row=twice@one-step' });
    const asked = () => s.client.calls.map(({ request: r }) => [r.sampler, r.sigma, r.sigmaMid]);
    expect(asked()).toEqual([['two-step', 2.5, 0.6]]);
    s.client.calls[0]!.deliver([0, 1]);
    await s.client.calls[0]!.settle();
    s.frame();
    expect(asked()[1]).toEqual(['one-step', 2.5, 0.6]);
  });

  test('Show alone takes the settings of the row', async () => {
    const s = await set({ ...COMPARE, seed: 3, comparison: 'row=teacher@heun:6,sigma=40&at=0,1' });
    s.controller.compare.alone({ row: 0, column: 1 });
    expect(s.stores.view.getState()).toMatchObject({
      compare: false,
      model: 'teacher',
      sampler: 'heun',
      steps: 6,
      sigma: 40,
      seed: 3,
      selected: 1,
    });
  });
});

describe('a link', () => {
  test('brings rows, and those whose model is not here wait for it', async () => {
    const read = readHash('#/generate?mode=compare&seed=5&row=file:mine.pkl&row=clothes', defaultView(4));
    const s = await set(read.view);
    expect(s.asked()).toEqual(['clothes 5,6']);
    expect(s.stores.engine.getState().remark).toBeNull();
    s.client.calls[0]!.deliver([0, 1]);
    await s.client.calls[0]!.settle();
    s.client.opens = async () => ({
      key: 'file:mine.pkl',
      name: 'mine.pkl',
      role: 'unknown',
      resolution: 1,
      channels: 3,
      labelDim: 0,
      classes: null,
      parameters: 1,
      precond: 'EDMPrecond',
      sigma: 80,
      sigmaFrom: 'file',
      sigmaMid: null,
      architecture: 'DDPM++',
      bytes: 1,
      licence: null,
      notes: [],
      entries: ['ema'],
      entry: 'ema',
      kept: false,
    });
    await s.controller.open(new File([], 'mine.pkl'));
    await tick();
    s.frame();
    expect(s.stores.view.getState().compare).toBe(true);
    expect(s.rows()).toEqual(['file:mine.pkl', 'clothes']); // no second row for it
    expect(s.asked().at(-1)).toBe('file:mine.pkl 5,6');
  });

  test('brings a public model too: its row waits until it has been downloaded', async () => {
    const s = await set({ ...COMPARE, comparison: 'row=public' });
    expect(s.asked()).toEqual([]);
    s.stores.rows.setState({
      rows: { public: { kind: 'downloading', done: 1, total: 2, rate: null, left: null } },
    });
    s.frame();
    expect(s.asked()).toEqual([]);
    s.stores.rows.setState({ rows: { public: { kind: 'here', bytes: 2 } } });
    s.frame();
    expect(s.asked()).toEqual(['public 0,1']);
  });

  test('to another tab leaves the rows as they are', async () => {
    const s = await set({ ...COMPARE, comparison: 'row=clothes' });
    s.controller.arrive(readHash('#/models?model=clothes', defaultView(4)));
    expect(s.stores.view.getState()).toMatchObject({
      tab: 'models',
      compare: false,
      comparison: 'row=clothes',
    });
  });

  test('says what of it cannot be followed', async () => {
    const { problems } = readHash('#/generate?mode=compare&row=clothes@heun:999', defaultView(4));
    expect(problems).toEqual([expect.stringContaining('clothes@heun:999')]);
  });
});
