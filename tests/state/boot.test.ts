import { describe, expect, test } from 'vitest';
import { InnateError } from '../../src/lib/errors';
import { createStores } from '../../src/state/app-state';
import { createController } from '../../src/state/controller';
import { defaultView } from '../../src/state/generate/view';
import { readHash } from '../../src/state/url';
import { FakeClient, tick } from '../support/fake-client';
import { bootPage, CATALOGUE, entry, OPENED } from '../support/page';

describe('the start sigma', () => {
  const student = JSON.stringify({
    version: 1,
    models: [entry('afhq-cat-64x64-gdd-i', null, { sigma: 2.5, preview: 'previews/cat.webp' })],
  });
  test('is the model’s own, for its preview too, unless the view says otherwise', async () => {
    const s = await bootPage({}, student);
    expect(s.red()).toEqual([9, 9, 9, 9]);
    s.frame();
    s.pass(5000); // the first request has had its time
    s.stores.view.setState({ sigma: 80 });
    s.frame();
    expect(s.client.calls.map((c) => c.request.sigma)).toEqual([2.5, 80]);
  });

  test('of an opened file can be put right, and its images are made again', async () => {
    const s = await bootPage();
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

describe('boot', () => {
  test('shows images made beforehand, then asks for the default model', async () => {
    const s = await bootPage();
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
    expect((await bootPage({ seed: 0.5 })).red()).toEqual([null, null, null, null]);
    expect((await bootPage({ seed: 22 })).red()).toEqual([9, 9, null, null]);
    expect((await bootPage({ sigma: 40 })).red()).toEqual([null, null, null, null]);
  });

  test('an unknown model and a class that it lacks fall back, with a remark', async () => {
    const s = await bootPage({ model: 'opened-7', classIndex: 5 });
    expect(s.stores.view.getState()).toMatchObject({ model: 'afhq-cat-64x64-gdd-i', classIndex: null });
    expect(s.stores.engine.getState().remark).toContain('opened-7');
    const official = await bootPage({ model: 'elsewhere' });
    expect(official.stores.engine.getState().remark).toContain('is not on this device');
  });

  test('a link to a public model that was downloaded is followed at once', async () => {
    const here = [{ id: 'elsewhere', bytes: 5 }];
    const s = await bootPage({ model: 'elsewhere' }, undefined, undefined, here);
    expect(s.stores.engine.getState().remark).toBeNull();
    expect(s.stores.view.getState().model).toBe('elsewhere');
    s.frame();
    expect(s.client.calls[0]!.request).toMatchObject({ model: { kind: 'catalogue', id: 'elsewhere' } });
  });

  test('a link to a public model that is not here is followed when it has come', async () => {
    const s = await bootPage({ model: 'elsewhere', seed: 7 }, undefined, undefined, []);
    expect(s.stores.view.getState().model).toBe('afhq-cat-64x64-gdd-i');
    expect(s.stores.engine.getState().awaits).toBe('elsewhere');
    s.stores.view.setState({ seed: 1, tab: 'models' });
    s.stores.rows.setState({ rows: { elsewhere: { kind: 'here', bytes: 5 } } });
    s.controller.use('elsewhere');
    expect(s.stores.view.getState()).toMatchObject({ model: 'elsewhere', seed: 7, tab: 'generate' });
    expect(s.stores.engine.getState()).toMatchObject({ remark: null, awaits: null });
  });

  test('whatever of a link cannot be followed is said, at the start and on the way', async () => {
    const s = await bootPage({ model: 'clothes', classIndex: 7 });
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
    const s = await bootPage({}, '{');
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

test('another back-end is kept for the next visit and makes the images again', async () => {
  const s = await bootPage();
  s.frame();
  await s.controller.chooseBackend('webgpu');
  expect(s.client.starts.map((o) => o.preference)).toEqual(['auto', 'webgpu']);
  expect(s.stores.prefs.getState().backend).toBe('webgpu');
  expect(s.client.calls).toHaveLength(2);
});

describe('the engine starts', () => {
  const work = (s: Awaited<ReturnType<typeof bootPage>>) => s.stores.engine.getState().work?.kind ?? null;

  test('it is said until it has, whatever images or files are under way meanwhile', async () => {
    const s = await bootPage();
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
    const s = await bootPage();
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
    const s = await bootPage();
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
    const s = await bootPage();
    s.client.opens = async (file) => ({ ...OPENED, key: file.name, name: file.name });
    for (const name of ['kept.pkl', 'made.pkl']) await s.controller.open(new File([], name));
    expect(s.stores.view.getState().model).toBe('made.pkl');
    s.client.lose('kept.pkl');
    expect(s.stores.engine.getState().opened.map((m) => m.key)).toEqual(['kept.pkl']);
    expect(s.stores.view.getState().model).toBe('afhq-cat-64x64-gdd-i');
    expect(s.stores.engine.getState().remark).toContain('made.pkl went with it');
  });
});
