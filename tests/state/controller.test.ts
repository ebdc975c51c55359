import { describe, expect, test, vi } from 'vitest';
import { InnateError } from '../../src/lib/errors';
import type { KeptModels, ModelInfo } from '../../src/protocol/models';
import { createStores } from '../../src/state/app-state';
import { createController } from '../../src/state/controller';
import { defaultView, type ViewState } from '../../src/state/generate/view';
import { readHash } from '../../src/state/url';
import { workLine } from '../../src/state/work-line';
import { FakeClient, tick } from '../support/fake-client';

const entry = (id: string, classes: string[] | null, extra = {}) => ({
  id,
  name: `Model ${id}`,
  role: 'student',
  kind: 'shipped',
  dataset: 'd',
  precond: 'EDMPrecond',
  architecture: {},
  resolution: 1,
  channels: 3,
  classes,
  parameters: 1,
  files: [{ path: `${id}.safetensors`, bytes: 1, sha256: null, dtype: 'f16' }],
  licence: 'MIT',
  provenance: {},
  quality: [],
  ...extra,
});

const CATALOGUE = JSON.stringify({
  version: 1,
  models: [
    entry('afhq-cat-64x64-gdd-i', null, { preview: 'previews/cat.webp' }),
    entry('clothes', ['shirt', 'boot', 'bag']),
    entry('elsewhere', null, {
      kind: 'official',
      method: 'edm',
      nfe: 35,
      files: [{ url: 'https://example.org/a.pkl', bytes: null, sha256: null, dtype: 'f32' }],
    }),
  ],
});

const OPENED: ModelInfo = {
  key: 'opened-1',
  sigma: 80,
  sigmaFrom: 'file',
  name: 'mine.pkl',
  role: 'unknown',
  resolution: 1,
  channels: 3,
  labelDim: 2,
  classes: null,
  parameters: 1,
  precond: 'EDMPrecond',
  architecture: 'DDPM++',
  bytes: 1,
  licence: null,
  notes: [],
  entries: ['ema'],
  entry: 'ema',
  kept: false,
};

async function set(
  view: Partial<ViewState> = {},
  catalogue = CATALOGUE,
  kept: KeptModels = { models: [], problems: [] },
) {
  const client = new FakeClient();
  client.keptModels = kept;
  const stores = createStores({ ...defaultView(4), ...view }, null);
  const frames: (() => void)[] = [];
  let now = 0;
  const controller = createController({
    client,
    stores,
    engine: { modelsUrl: 'https://here/models/', wasmBinaries: {} },
    loadCatalogue: async () => catalogue,
    loadPacks: async () => '{}',
    loadLayers: async () => '{}',
    loadSheet: async () => ({ pixels: new Uint8ClampedArray(6 * 4 * 4).fill(9), width: 6 }),
    address: () => '',
    nextFrame: (callback) => frames.push(callback),
    now: () => now,
  });
  const frame = () => {
    for (const callback of frames.splice(0)) callback();
  };
  await controller.boot();
  return {
    client,
    stores,
    controller,
    frame,
    frames,
    pass: (ms: number) => {
      now += ms;
    },
    red: () => stores.images.getState().images.map((image) => image?.pixels[0] ?? null),
    names: () => stores.images.getState().images.map((image) => image?.name ?? null),
  };
}

describe('the start sigma', () => {
  const student = JSON.stringify({
    version: 1,
    models: [entry('afhq-cat-64x64-gdd-i', null, { sigma: 2.5, preview: 'previews/cat.webp' })],
  });
  test('is the model’s own, for its preview too, unless the view says otherwise', async () => {
    const s = await set({}, student);
    expect(s.red()).toEqual([9, 9, 9, 9]);
    s.frame();
    s.pass(5000); // the first request has had its time
    s.stores.view.setState({ sigma: 80 });
    s.frame();
    expect(s.client.calls.map((c) => c.request.sigma)).toEqual([2.5, 80]);
  });

  test('of an opened file can be put right, and its images are made again', async () => {
    const s = await set();
    s.client.opened = OPENED;
    s.client.opens = async () => OPENED;
    await s.controller.open(new File([], 'mine.pkl'));
    s.frame();
    s.pass(5000);
    s.stores.view.setState({ sigma: 10 });
    s.frame();
    s.pass(5000);
    await s.controller.setStartSigma('opened-1', 2.5);
    s.frame();
    expect(s.client.sigmas).toEqual([{ key: 'opened-1', sigma: 2.5 }]);
    expect(s.stores.view.getState().sigma).toBeNull();
    expect(s.client.calls.map((c) => c.request.sigma)).toEqual([80, 10, 2.5]);
    s.client.opened = null;
    await s.controller.setStartSigma('opened-1', 80);
    expect(s.stores.engine.getState().error?.line).toContain('not open');
  });
});

describe('the reading', () => {
  test('counts all images of a request and their passes, not the last chunk', async () => {
    const s = await set({ sampler: 'heun', steps: 40 });
    s.frame();
    s.client.calls[0]!.deliver([0, 1, 2]);
    s.client.calls[0]!.deliver([3]);
    expect(s.stores.engine.getState().reading).toEqual({ images: 4, passes: 79, ms: 10 });
    s.stores.view.setState({ sampler: 'one-step' });
    s.frame();
    s.client.calls[1]!.deliver([0]);
    expect(s.stores.engine.getState().reading).toEqual({ images: 1, passes: 1, ms: 5 });
  });
});

describe('boot', () => {
  test('shows images made beforehand, then asks for the default model', async () => {
    const s = await set();
    expect(s.red()).toEqual([9, 9, 9, 9]);
    expect(s.names()).toEqual([null, null, null, null]); // not taken for generated ones
    s.frame();
    expect(s.client.calls).toHaveLength(1);
    expect(s.client.calls[0]!.request).toMatchObject({
      model: { kind: 'catalogue', id: 'afhq-cat-64x64-gdd-i' },
      seeds: [0, 1, 2, 3],
      classIndex: null,
      sampler: 'one-step',
      steps: 18,
      sigma: 80,
      first: 0,
    });
    s.client.calls[0]!.deliver([0], 50);
    expect(s.red()).toEqual([50, 9, 9, 9]);
    expect(s.names()[0]).toBe('Model afhq-cat-64x64-gdd-i, seed 0, class 0');
  });

  test('a view that the sheet does not show starts empty', async () => {
    expect((await set({ seed: 0.5 })).red()).toEqual([null, null, null, null]);
    expect((await set({ seed: 22 })).red()).toEqual([9, 9, null, null]);
    expect((await set({ sigma: 40 })).red()).toEqual([null, null, null, null]);
  });

  test('an unknown model and a class that it lacks fall back, with a remark', async () => {
    const s = await set({ model: 'opened-7', classIndex: 5 });
    expect(s.stores.view.getState()).toMatchObject({ model: 'afhq-cat-64x64-gdd-i', classIndex: null });
    expect(s.stores.engine.getState().remark).toContain('opened-7');
    const official = await set({ model: 'elsewhere' });
    expect(official.stores.engine.getState().remark).toContain('does not come with Innate');
  });

  test('whatever of a link cannot be followed is said, at the start and on the way', async () => {
    const s = await set({ model: 'clothes', classIndex: 7 });
    expect(s.stores.engine.getState().remark).toContain('class 7');
    expect(s.stores.engine.getState().remark).toContain('classes 0 to 2');
    s.controller.arrive(readHash('#/nowhere?model=clothes&seed=x', defaultView(4)));
    const { remark } = s.stores.engine.getState();
    expect(remark).toContain('“nowhere”');
    expect(remark).toContain('“x”');
    s.controller.arrive(readHash('#/generate?model=gone', defaultView(4)));
    expect(s.stores.engine.getState().remark).toContain('“gone”');
    s.controller.arrive(readHash('#/generate?model=clothes&class=1', defaultView(4)));
    expect(s.stores.engine.getState().remark).toBeNull();
    expect(s.stores.view.getState()).toMatchObject({ model: 'clothes', classIndex: 1 });
  });

  test('a damaged catalogue and an engine that does not start are said', async () => {
    const s = await set({}, '{');
    expect(s.stores.engine.getState().error?.line).toContain('catalogue');
    const client = new FakeClient();
    client.startError = new InnateError('backend', 'no back-end');
    const stores = createStores(defaultView(1), null);
    const controller = createController({
      client,
      stores,
      engine: { modelsUrl: '', wasmBinaries: {} },
      loadCatalogue: async () => CATALOGUE,
      loadPacks: async () => '{}',
      loadLayers: async () => '{}',
      loadSheet: async () => null,
      address: () => '',
      nextFrame: (callback) => callback(),
    });
    await controller.boot();
    expect(stores.engine.getState()).toMatchObject({
      error: { line: 'no back-end', of: 'starting' },
      work: null,
    });
    client.startError = null;
    controller.generate(); // tries again
    await tick();
    await tick();
    expect(client.calls).toHaveLength(1);
    expect(stores.engine.getState().error).toBeNull();
  });
});

describe('changes of the view', () => {
  test('one request a frame, with the newest values', async () => {
    const s = await set();
    s.frame();
    s.client.calls[0]!.deliver([0, 1, 2, 3]);
    for (const seed of [5, 6, 7]) s.stores.view.setState({ seed });
    expect(s.frames).toHaveLength(1);
    s.frame();
    expect(s.client.calls).toHaveLength(2);
    expect(s.client.calls[1]!.request.seeds).toEqual([7, 8, 9, 10]);
  });

  test('a drag waits for the first image of the request under way, but not for ever', async () => {
    const s = await set();
    s.frame();
    s.stores.view.setState({ seed: 1 });
    s.frame();
    s.stores.view.setState({ seed: 2 });
    s.frame();
    expect(s.client.calls).toHaveLength(1);
    s.client.calls[0]!.deliver([0]);
    s.frame();
    expect(s.client.calls).toHaveLength(2);
    expect(s.client.calls[1]!.request.seeds[0]).toBe(2);
    s.pass(5000);
    s.stores.view.setState({ seed: 3 });
    s.frame();
    expect(s.client.calls).toHaveLength(3);
  });

  test('other work supersedes at once', async () => {
    const s = await set();
    s.frame();
    s.stores.view.setState({ sampler: 'heun' });
    s.frame();
    s.stores.view.setState({ sampler: 'two-step' });
    s.frame();
    expect(s.client.calls.map((c) => c.request.sampler)).toEqual(['one-step', 'heun', 'two-step']);
  });

  test('the sampler belongs to the model: another one opens with its own, and the first keeps its', async () => {
    const s = await set();
    s.frame();
    s.stores.view.setState({ sampler: 'heun', steps: 12, sigma: 40 });
    s.frame();
    s.controller.selectModel('clothes');
    s.frame();
    s.controller.selectModel('afhq-cat-64x64-gdd-i');
    s.frame();
    expect(s.client.calls.map(({ request: r }) => [r.sampler, r.steps, r.sigma])).toEqual([
      ['one-step', 18, 80],
      ['heun', 12, 40],
      ['one-step', 18, 80],
      ['heun', 12, 40],
    ]);
    // A link says what it shows, whatever was chosen before.
    s.stores.view.setState({ ...defaultView(4), model: 'clothes', sampler: 'two-step', sigma: 80 });
    s.frame();
    expect(s.client.calls.at(-1)!.request).toMatchObject({ sampler: 'two-step', sigma: 80 });
  });

  test('chunks of an older request never overwrite newer images', async () => {
    const s = await set();
    s.frame();
    s.stores.view.setState({ sampler: 'two-step' });
    s.frame();
    s.client.calls[1]!.deliver([0, 1], 200);
    s.client.calls[0]!.deliver([1, 2], 100);
    expect(s.red()).toEqual([200, 200, 100, 9]);
    await s.client.calls[0]!.settle('superseded');
    expect(s.stores.engine.getState().work?.kind).toBe('generating');
    await s.client.calls[1]!.settle();
    expect(s.stores.engine.getState().work).toBeNull();
  });

  test('images that are no longer wanted go, wanted ones are asked for, the selection stays inside', async () => {
    const s = await set({ selected: 3 });
    s.stores.view.setState({ count: 2 });
    expect(s.red()).toEqual([9, 9]);
    expect(s.stores.view.getState().selected).toBe(1);
    s.frame();
    expect(s.client.calls.at(-1)!.request).toMatchObject({ seeds: [0, 1], first: 1 });
    s.client.calls.at(-1)!.deliver([0, 1, 2, 3], 70); // a chunk for places that are gone
    expect(s.red()).toEqual([70, 70]);
  });

  test('the class is of the seed until one is chosen, and only where there are classes', async () => {
    const s = await set({ model: 'clothes', classIndex: 2 });
    s.frame();
    expect(s.client.calls[0]!.request.classIndex).toBe(2);
    s.client.calls[0]!.deliver([0]);
    expect(s.names()[0]).toBe('Model clothes, seed 0, class bag');
    s.controller.selectModel('afhq-cat-64x64-gdd-i');
    expect(s.stores.view.getState().classIndex).toBeNull();
  });
});

describe('a picture belongs to the model that is named beside it', () => {
  test('with another model the pictures of the last one go, and late ones do not come', async () => {
    const s = await set();
    s.frame();
    const [first] = s.client.calls;
    first!.deliver([0, 1], 50);
    s.controller.selectModel('clothes');
    expect(s.red()).toEqual([null, null, null, null]);
    first!.deliver([2, 3], 51);
    expect(s.red()).toEqual([null, null, null, null]);
    s.frame();
    s.client.calls[1]!.deliver([0], 60);
    first!.deliver([1, 2], 52);
    expect(s.red()).toEqual([60, null, null, null]);
    expect(s.names()[0]).toBe('Model clothes, seed 0, class shirt');
  });

  test('what is known of the new model beforehand is shown at once', async () => {
    const s = await set({ model: 'clothes' });
    s.frame();
    s.client.calls[0]!.deliver([0, 1, 2, 3], 50);
    s.controller.selectModel('afhq-cat-64x64-gdd-i');
    await tick();
    expect(s.red()).toEqual([9, 9, 9, 9]);
  });
});

describe('errors and cancelling', () => {
  test('an error is one line, images stay, another attempt clears it', async () => {
    const s = await set();
    s.frame();
    s.client.calls[0]!.deliver([0], 1);
    await s.client.calls[0]!.fail(new InnateError('backend', 'out of memory', { hint: 'Ask for fewer' }));
    expect(s.stores.engine.getState()).toMatchObject({
      work: null,
      error: { line: 'out of memory. Ask for fewer', of: 'generating' },
    });
    expect(s.red()).toEqual([1, 9, 9, 9]);
    s.controller.generate();
    expect(s.stores.engine.getState().error).toBeNull();
  });

  test('cancelling is not an error', async () => {
    const s = await set();
    s.frame();
    s.controller.cancel();
    expect(s.client.calls[0]!.options.signal!.aborted).toBe(true);
    await tick();
    expect(s.stores.engine.getState()).toMatchObject({ work: null, error: null });
  });
});

describe('files', () => {
  test('an opened file is selected and shown; forgotten, the default comes back', async () => {
    const s = await set({ tab: 'models', classIndex: null, selected: 2 });
    s.client.opens = async () => OPENED;
    await s.controller.open(new File([], 'mine.pkl'));
    expect(s.stores.view.getState()).toMatchObject({ model: 'opened-1', tab: 'generate', selected: 0 });
    s.frame();
    expect(s.client.calls.at(-1)!.request.model).toEqual({ kind: 'opened', key: 'opened-1' });
    await s.controller.forget('opened-1');
    expect(s.client.forgotten).toEqual(['opened-1']);
    expect(s.stores.view.getState().model).toBe('afhq-cat-64x64-gdd-i');
  });

  test('a refused file leaves everything as it was, and its error survives other success', async () => {
    const s = await set();
    s.frame();
    s.client.opens = async () => {
      throw new InnateError('refused', 'it asks for os.system', { where: 'bad.pkl' });
    };
    await s.controller.open(new File([], 'bad.pkl'));
    await s.client.calls[0]!.settle();
    expect(s.stores.engine.getState().error).toEqual({
      line: 'bad.pkl: it asks for os.system',
      of: 'opening',
    });
    expect(s.stores.view.getState().model).toBe('afhq-cat-64x64-gdd-i');
    s.controller.dismissError();
    expect(s.stores.engine.getState().error).toBeNull();
  });

  test('of a file that holds several networks a person chooses one', async () => {
    const s = await set();
    const choices: unknown[] = [];
    s.client.opens = async (_file, options) => {
      choices.push(options?.choice);
      if (options?.choice?.entry === undefined)
        throw new InnateError('bad-argument', 'the file holds several networks', {
          choose: { what: 'entry', from: ['student', 'teacher'] },
        });
      return OPENED;
    };
    await s.controller.open(new File([], 'two.pt'));
    const line = workLine(s.stores.engine.getState());
    expect(line).toMatchObject({ kind: 'error', choose: ['student', 'teacher'] });
    const { chooseForFile } = s.controller; // as the page hands it on
    chooseForFile('student');
    await tick();
    expect(choices).toEqual([{}, { entry: 'student' }]);
    expect(s.stores.view.getState().model).toBe('opened-1');
    expect(s.stores.engine.getState().error).toBeNull();
  });

  test('an opened file can be read in another way; its images are made anew', async () => {
    const s = await set();
    s.client.opens = async () => OPENED;
    s.client.opened = OPENED;
    await s.controller.open(new File([], 'mine.pkl'));
    s.frame();
    const before = s.client.calls.length;
    await s.controller.reread('opened-1', { precond: 'GDDPrecond' });
    expect(s.stores.engine.getState().opened).toMatchObject([{ key: 'opened-1', precond: 'GDDPrecond' }]);
    await s.client.calls.at(-1)!.settle();
    s.frame();
    expect(s.client.calls.length).toBe(before + 1);
  });

  test('a file is kept on request; where that fails, it is said and the file stays open', async () => {
    const s = await set();
    s.client.opens = async () => OPENED;
    await s.controller.open(new File([], 'mine.pkl'));
    await s.controller.keep('opened-1', true);
    expect(s.stores.engine.getState()).toMatchObject({
      keeping: null,
      error: { line: 'this browser keeps no files' },
      opened: [{ kept: false }],
    });
    s.client.opened = OPENED;
    const shares = new Set<number>();
    s.stores.engine.subscribe(({ keeping }) => keeping && shares.add(keeping.share));
    await s.controller.keep('opened-1', true);
    expect([...shares]).toEqual([0, 0.5]);
    expect(s.stores.engine.getState()).toMatchObject({
      keeping: null,
      error: null,
      opened: [{ kept: true }],
    });
  });

  const LINK = { model: 'file:mine.pkl', seed: 7, classIndex: 1, sigma: 2.5 };

  test('a link to a kept file shows it', async () => {
    const kept = { ...OPENED, key: 'file:mine.pkl', kept: true };
    const s = await set(LINK, CATALOGUE, { models: [kept], problems: [] });
    expect(s.stores.view.getState()).toMatchObject(LINK);
    expect(s.stores.engine.getState()).toMatchObject({ remark: null, opened: [{ key: 'file:mine.pkl' }] });
    s.frame();
    expect(s.client.calls.at(-1)!.request.model).toEqual({ kind: 'opened', key: 'file:mine.pkl' });
  });

  test('a link to a file that is not here says which, and is followed once the file is opened', async () => {
    const s = await set(LINK);
    expect(s.stores.view.getState()).toMatchObject({ model: 'afhq-cat-64x64-gdd-i', classIndex: null });
    expect(s.stores.engine.getState().remark).toMatch(/wants the file “mine\.pkl”.*Open checkpoint/);
    s.client.opens = async (file) => ({ ...OPENED, key: `file:${file.name}` });
    await s.controller.open(new File([], 'other.pkl'));
    expect(s.stores.view.getState()).toMatchObject({ model: 'file:other.pkl', classIndex: null });
    await s.controller.open(new File([], 'mine.pkl'));
    expect(s.stores.view.getState()).toMatchObject(LINK);
    expect(s.stores.engine.getState().remark).toBeNull();
  });

  test('a kept file that cannot be opened is said', async () => {
    const s = await set({}, CATALOGUE, {
      models: [],
      problems: ['The kept file a.pkl could not be opened: x'],
    });
    expect(s.stores.engine.getState().error!.line).toContain('a.pkl could not be opened');
  });

  test('a newer file ends the opening of an older one', async () => {
    const s = await set();
    const signals: AbortSignal[] = [];
    s.client.opens = vi.fn(
      (_file, options) =>
        new Promise<ModelInfo>((_resolve, reject) => {
          signals.push(options!.signal!);
          options!.signal!.addEventListener('abort', () => reject(new InnateError('cancelled', 'cancelled')));
        }),
    );
    const first = s.controller.open(new File([], 'a.pkl'));
    s.client.opens = async () => OPENED;
    await s.controller.open(new File([], 'b.pkl'));
    await first;
    expect(signals[0]!.aborted).toBe(true);
    expect(s.stores.view.getState().model).toBe('opened-1');
    expect(s.stores.engine.getState()).toMatchObject({ work: null, error: null });
  });
});

test('another back-end is kept for the next visit and makes the images again', async () => {
  const s = await set();
  s.frame();
  await s.controller.chooseBackend('webgpu');
  expect(s.client.starts.map((o) => o.preference)).toEqual(['auto', 'webgpu']);
  expect(s.stores.prefs.getState().backend).toBe('webgpu');
  expect(s.client.calls).toHaveLength(2);
});

describe('the engine starts', () => {
  const work = (s: Awaited<ReturnType<typeof set>>) => s.stores.engine.getState().work?.kind ?? null;

  test('it is said until it has, whatever images or files are under way meanwhile', async () => {
    const s = await set();
    s.frame();
    expect(work(s)).toBe('generating');
    s.client.holdStarts = true;
    const chosen = s.controller.chooseBackend('webgpu');
    await tick(); // the request under way has been cancelled
    expect(work(s)).toBe('starting');
    s.stores.view.setState({ seed: 5 });
    s.frame(); // queues behind the start
    expect([s.client.calls.length, work(s)]).toEqual([2, 'starting']);
    s.client.opens = async () => OPENED;
    await s.controller.open(new File([], 'mine.pkl'));
    expect(work(s)).toBe('starting');
    s.client.calls[1]!.deliver([0]);
    expect(s.stores.engine.getState().made).toBeNull();
    await s.client.endStart();
    await chosen;
    expect(work(s)).toBe('generating');
    await s.client.calls.at(-1)!.settle();
    expect(work(s)).toBeNull();
  });

  test('a start that a newer one replaces neither ends the line nor fails aloud', async () => {
    const s = await set();
    s.client.holdStarts = true;
    const first = s.controller.chooseBackend('webgpu');
    const second = s.controller.chooseBackend('wasm');
    await s.client.endStart(new InnateError('backend', 'no adapter'));
    await first;
    expect(s.stores.engine.getState()).toMatchObject({ work: { kind: 'starting' }, error: null });
    await s.client.endStart();
    await second;
    expect(work(s)).toBe('generating');
    expect(s.client.starts.map((o) => o.preference)).toEqual(['auto', 'webgpu', 'wasm']);
  });

  test('a start that fails is said, and the next attempt starts again', async () => {
    const s = await set();
    s.client.startError = new InnateError('backend', 'no adapter');
    await s.controller.chooseBackend('webgpu');
    expect(s.stores.engine.getState()).toMatchObject({
      work: null,
      error: { line: 'no adapter', of: 'starting' },
    });
    s.client.startError = null;
    s.controller.generate();
    await tick();
    expect(s.client.starts).toHaveLength(3);
    expect(s.stores.engine.getState().error).toBeNull();
  });

  test('what a dead worker took with it leaves the page, and that is said', async () => {
    const s = await set();
    s.client.opens = async (file) => ({ ...OPENED, key: file.name, name: file.name });
    for (const name of ['kept.pkl', 'made.pkl']) await s.controller.open(new File([], name));
    expect(s.stores.view.getState().model).toBe('made.pkl');
    s.client.lose('kept.pkl');
    expect(s.stores.engine.getState().opened.map((m) => m.key)).toEqual(['kept.pkl']);
    expect(s.stores.view.getState().model).toBe('afhq-cat-64x64-gdd-i');
    expect(s.stores.engine.getState().remark).toContain('made.pkl went with it');
  });
});
