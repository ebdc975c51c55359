import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { fileSource } from '../../../cli/files';
import { preset } from '../../../src/distil/config';
import type { CurvePoint } from '../../../src/distil/curve';
import type { StepKind } from '../../../src/distil/executor';
import type { RunMeta } from '../../../src/distil/state';
import { Diverged } from '../../../src/engine/distil/errors';
import type { DistilRun, DistilRunOptions } from '../../../src/engine/distil/run';
import type { DistilServices } from '../../../src/engine/distil/services';
import { DistilSession } from '../../../src/engine/distil/session';
import type { LibraryModel } from '../../../src/engine/models/library';
import { openModel } from '../../../src/engine/models/open-model';
import type { PageData } from '../../../src/engine/models/page-data';
import { RunFolder } from '../../../src/engine/runs/folder';
import { writeSafetensors } from '../../../src/formats/safetensors';
import { InnateError, OutOfMemory } from '../../../src/lib/errors';
import type { DistilEvent, DistilPhase, DistilRequest } from '../../../src/protocol/distil';
import type { ModelInfo } from '../../../src/protocol/models';
import type { ResumeRequest } from '../../../src/protocol/runs';
import { FIXTURES } from '../../support/fixtures';
import { imageSet } from '../../support/image-set';
import { MemoryFile, MemoryFiles } from '../../support/memory-files';
import { runRequest } from '../../support/saved-run';

const files = new MemoryFiles();
const teacher = openModel(fileSource(join(FIXTURES, 'parity', 'ddpmpp-skip-16-vp.pkl')));
const name = [...teacher.weights.names()].find((n) => n.endsWith('bias'))!;

beforeEach(() => files.install());
afterEach(() => {
  files.failing = () => null;
  vi.unstubAllGlobals();
});

const data = imageSet({ size: 4, resolution: 16, channels: 3 }, () => new Uint8Array(768));

let runs = 0;
const request = (): DistilRequest => ({
  ...runRequest({ id: `run-${++runs}`, dataName: 'grey', resolution: 16 }),
  config: { ...preset('small-encoder'), batch: 2, images: 1000 },
  sampleEvery: 1000,
});

/** A run whose steps end when the test says so; `best` after a step makes that moment the best one. */
class FakeRun {
  static all: FakeRun[] = [];
  readonly trainer: { iteration: number; images: number; updates: object };
  readonly curve: CurvePoint[] = [];
  best: RunMeta['best'] = null;
  readonly bytes = 0;
  readonly facts = {
    executor: 'plan',
    label: '1 thread of WebAssembly',
    reason: null,
    dtype: 'f32',
    instead: null,
  };
  /** Steps that wait for their end. */
  readonly waiting: { kind: StepKind; end: (best?: number) => void; fail: (error: unknown) => void }[] = [];
  readonly kinds: StepKind[] = [];

  constructor(readonly options: DistilRunOptions) {
    const { iteration = 0, images = 0 } = options.saved?.meta ?? {};
    this.trainer = { iteration, images, updates: {} };
    FakeRun.all.push(this);
  }

  get config() {
    return this.options.config;
  }
  get finished() {
    return this.trainer.images >= this.config.images;
  }

  step(kind: StepKind): Promise<CurvePoint> {
    return new Promise((resolve, reject) => {
      this.kinds.push(kind);
      const end = (best?: number) => {
        this.trainer.iteration++;
        this.trainer.images += this.config.batch;
        const { iteration, images } = this.trainer;
        if (best !== undefined)
          this.best = { images, frechet: { value: best, error: null, spread: 1 } as never };
        const point = { iteration, images } as CurvePoint;
        this.curve.push(point);
        resolve(point);
      };
      this.waiting.push({ kind, end, fail: reject });
    });
  }

  async state() {
    const { iteration, images } = this.trainer;
    const values = Float32Array.of(images);
    return {
      tensors: new Map([[`ema.${name}`, { shape: [1], values }]]),
      meta: {
        version: 1,
        config: this.config,
        iteration,
        images,
        dataPosition: images,
        best: this.best,
        curve: this.curve,
        backend: 'wasm',
      } as RunMeta,
    };
  }

  student = async () => teacher.weights;
  dispose() {}
}

/** Lets everything happen that does not wait for the test. */
async function settled(): Promise<void> {
  for (let i = 0; i < 25; i++) await new Promise((resolve) => setTimeout(resolve, 0));
}

function session(
  start: DistilRequest | ResumeRequest = request(),
  starting: (options: DistilRunOptions) => void = () => {},
) {
  const events: DistilEvent[] = [];
  let queue: Promise<unknown> = Promise.resolve();
  const device = { epoch: 1, recovers: 0, lighter: [] as boolean[] };
  const services: DistilServices = {
    backend: () => ({ name: 'wasm', label: '1 thread' }),
    recordedSteps: () => undefined,
    epoch: () => device.epoch,
    failure: () => new Promise<never>(() => {}),
    recover: async (_error, _epoch, lighter = false) => {
      device.lighter.push(lighter);
      device.recovers++;
      device.epoch++;
    },
    memory: () => 0,
    model: async () => ({ model: teacher }) as LibraryModel,
    keep: (_model, images) => ({ key: `made-${images}` }) as ModelInfo,
    data: { open: async () => data, feature: () => Promise.reject(new Error('none')) } as unknown as PageData,
    exclusively: (task) => {
      const result = queue.then(task);
      queue = result.catch(() => {});
      return result;
    },
    emit: (event) => events.push(event),
  };
  FakeRun.all = [];
  const made = new DistilSession(start, services, {
    start: async (options) => {
      starting(options);
      return new FakeRun(options) as unknown as DistilRun;
    },
    samples: async () => ({ pixels: new Uint8ClampedArray(16 * 16 * 4), variance: 1 }),
  });
  const result = made.run();
  result.catch(() => {});
  const id = 'resume' in start ? start.resume : start.about.id;
  return {
    session: made,
    result,
    events,
    device,
    id,
    run: () => FakeRun.all.at(-1)!,
    /** Ends the step under way, and waits until the next one is asked for or the run rests. */
    async step(best?: number) {
      FakeRun.all.at(-1)!.waiting.shift()!.end(best);
      await settled();
    },
    phases: (): DistilPhase[] => events.flatMap((e) => (e.kind === 'phase' ? [e.phase] : [])),
    saves: () => events.flatMap((e) => (e.kind === 'saved' ? [e.images] : [])),
    record: async () => (await (await RunFolder.open(id))!.record())!,
    state: async (which: 'last' | 'best' | 'earlier') =>
      (await (await RunFolder.open(id))!.state(which))?.meta.images ?? null,
  };
}

async function running(start?: DistilRequest | ResumeRequest) {
  const s = session(start);
  await settled();
  expect(s.phases()).toEqual(['preparing', 'running']);
  return s;
}

test('a second pause is nothing: no step is made, and none waits for the next pause', async () => {
  const s = await running();
  s.session.control('pause');
  s.session.control('pause');
  await s.step();
  expect(s.phases().at(-1)).toBe('paused');
  s.session.control('pause');
  await settled();
  expect(s.run().kinds).toEqual(['both']);
  s.session.control('step-d');
  await settled();
  expect(s.run().kinds).toEqual(['both', 'discriminator']);
  await s.step();
  expect(s.phases().at(-1)).toBe('paused');
});

test('steps that were asked for are forgotten when the run goes on', async () => {
  const s = await running();
  s.session.control('pause');
  await s.step();
  for (const action of ['step', 'step-g', 'step-g', 'resume'] as const) s.session.control(action);
  await settled();
  s.session.control('pause');
  await s.step();
  expect(s.phases().at(-1)).toBe('paused');
  expect(s.run().kinds.filter((kind) => kind === 'generator')).toEqual([]);
});

test('a save that is asked for is made although the best student is saved first', async () => {
  const s = await running();
  expect(s.saves()).toEqual([0]);
  s.session.control('save');
  await s.step(9); // this step's distance is the best so far
  expect(s.saves()).toEqual([0, 2]);
  expect([await s.state('last'), await s.state('best')]).toEqual([2, 2]);
});

test('a save that is asked for while one is written is made after it', async () => {
  const s = await running();
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const { state } = s.run();
  s.run().state = async function (this: FakeRun) {
    const taken = await state.call(this);
    await held;
    return taken;
  };
  s.session.control('save');
  await s.step();
  s.session.control('save');
  release();
  await settled();
  expect(s.saves()).toEqual([0, 2, 2]);
});

test('a best save claims nothing that is not on disk: the record stays with the last save', async () => {
  const s = await running();
  await s.step(9);
  expect(s.saves()).toEqual([0]);
  expect([await s.state('last'), await s.state('best')]).toEqual([0, 2]);
  expect(await s.record()).toMatchObject({ images: 0, iteration: 0, best: { images: 2, value: 9 } });
});

test('a run that fails is written down as far as it is saved', async () => {
  const s = await running();
  await s.step(9);
  s.run().waiting.shift()!.fail(new InnateError('bad-file', 'an image cannot be read'));
  await expect(s.result).rejects.toThrow('cannot be read');
  expect(await s.record()).toMatchObject({ images: 0, end: 'failed', best: { images: 2 } });
});

test('a run that does not fit into memory is begun again in halves of its part, and the device is asked for less', async () => {
  const tried: number[] = [];
  const whole = request();
  whole.config = { ...whole.config, batch: 16 };
  const s = session(whole, ({ config: { microBatch } }) => {
    tried.push(microBatch);
    if (tried.length < 4) throw new OutOfMemory('backend', 'the GPU is out of memory');
  });
  await vi.waitFor(() => expect(s.phases()).toEqual(['preparing', 'running']));
  expect(tried).toEqual([0, 8, 4, 2]);
  expect(s.device.lighter).toEqual([true, true, true]);
  expect((await s.record()).config.microBatch).toBe(2);
  expect(s.events).toContainEqual(
    expect.objectContaining({ kind: 'notice', text: expect.stringContaining('in parts of 2 images') }),
  );
});

test('what is not finite in mixed precision goes on in float32 from the last save, and in float32 ends the run', async () => {
  const mixed = request();
  mixed.config = { ...mixed.config, dtype: 'f16' };
  const tried: string[] = [];
  const s = session(mixed, ({ config }) => tried.push(config.dtype));
  await vi.waitFor(() => expect(s.phases()).toEqual(['preparing', 'running']));
  await settled();
  s.session.control('save');
  await s.step();
  await s.step();
  const diverged = (dtype: 'f16' | 'f32') => new Diverged('last', 'the loss is not a number', {}, 2, dtype);
  s.run().waiting.shift()!.fail(diverged('f16'));
  await settled();
  expect(tried).toEqual(['f16', 'f32']);
  expect(s.device.recovers).toBe(0); // nothing is wrong with the device
  expect(s.events).toContainEqual({ kind: 'rewound', iteration: 1, images: 2 });
  expect(s.events).toContainEqual(
    expect.objectContaining({
      text: 'The loss is not a number. The run went back to its last save, at 2 images, and goes on in float32.',
    }),
  );
  s.session.control('save');
  await s.step();
  await settled();
  expect((await s.record()).config.dtype).toBe('f32');
  s.run().waiting.shift()!.fail(diverged('f32'));
  await expect(s.result).rejects.toThrow('not a number');
});

test('where two images at once are too many the device is not asked for less', async () => {
  const s = session(request(), () => {
    throw new OutOfMemory('backend', 'the GPU is out of memory');
  });
  await expect(s.result).rejects.toThrow('out of memory');
  expect(new Set(s.device.lighter)).toEqual(new Set([false]));
});

test('a device that is lost costs what came after the last save; at the end the student is that of the save', async () => {
  const s = await running();
  s.session.control('save');
  await s.step();
  await s.step();
  s.run().waiting.shift()!.fail(new InnateError('backend', 'the GPU device was lost'));
  await settled();
  expect(s.device.recovers).toBe(1);
  expect(FakeRun.all).toHaveLength(2);
  expect(s.run().trainer.images).toBe(2);
  expect(s.events).toContainEqual({ kind: 'rewound', iteration: 1, images: 2 });
  // Lost again while the run is stopped: nothing newer than the save is claimed.
  await s.step();
  s.run().state = () => Promise.reject(new InnateError('backend', 'the GPU device was lost'));
  s.session.control('stop');
  s.run().waiting.shift()!.end();
  expect(await s.result).toMatchObject({ phase: 'stopped', images: 2, student: { key: 'made-2' } });
  expect(await s.record()).toMatchObject({ images: 2, end: 'stopped' });
});

test('a run that fails again and again without a step in between gives up', async () => {
  const s = await running();
  for (let i = 0; i < 5; i++) {
    s.run().waiting.shift()!.fail(new InnateError('backend', 'the GPU device was lost'));
    await settled();
  }
  await expect(s.result).rejects.toThrow('was lost');
  expect(s.phases().at(-1)).toBe('failed');
});

test('a stop in the midst of a step saves the run, a resumed one goes on from there', async () => {
  const s = await running();
  s.session.control('stop');
  await s.step();
  expect(await s.result).toMatchObject({ phase: 'stopped', images: 2 });
  const resume = { resume: s.id, from: 'last', changes: {}, files: [], teacher: null } as const;
  const again = await running({ ...resume, files: [] });
  expect(again.run().trainer.images).toBe(2);
  expect(await again.record()).toMatchObject({ images: 2, end: 'open' });
});

test('files of the published method reach a run, and its second network the resumed one', async () => {
  const given = (name: string) =>
    new MemoryFile(new Uint8Array(readFileSync(join(FIXTURES, 'method', name))), name);
  const values = Float32Array.of(1, 2, 3, 4);
  const bytes = () => new Uint8Array(values.buffer);
  const table = writeSafetensors({ tensors: new Map([['w', { dtype: 'f32', shape: [2, 2], bytes }]]) });
  const first = await running({
    ...request(),
    config: {
      ...preset('paper-faces'),
      secondFeatures: 'deit-distilled',
      classEmbeddings: 'table',
      batch: 2,
      images: 1000,
    },
    paper: {
      secondFeatures: given('deit.wrapped.zip.pth'),
      classTable: new MemoryFile(new Uint8Array(Buffer.concat([...table])), 'table.safetensors'),
    },
  });
  const { secondFeatures, classTable } = first.run().options;
  expect(classTable).toEqual({ rows: 2, dim: 2, values });
  await first.step();
  first.session.control('stop');
  await first.step();
  await first.result;
  expect((await first.record()).kept.secondFeatures).toBe(true);
  const again = await running({ resume: first.id, from: 'last', changes: {}, files: [], teacher: null });
  const [name] = [...again.run().options.secondFeatures!.names()] as [string];
  expect(again.run().options.secondFeatures!.read(name)).toEqual(secondFeatures!.read(name));
  expect(again.run().options.classTable).toBeUndefined(); // its heads are saved
  again.session.control('stop');
  await again.step();
  await again.result;
});

test('a saved run whose images cannot be had is left as it was', async () => {
  const s = await running();
  s.session.control('stop');
  await s.step();
  await s.result;
  const before = await s.record();
  const again = session({ resume: s.id, from: 'last', changes: {}, files: [], teacher: null });
  const { data: pages } = (again.session as unknown as { services: DistilServices }).services;
  pages.open = () => Promise.reject(new InnateError('io', 'no connection'));
  await expect(again.result).rejects.toThrow('no connection');
  expect(await s.record()).toEqual(before);
});

test('a run that is stopped before its first step leaves nothing behind', async () => {
  const s = session();
  s.session.control('stop');
  expect(await s.result).toEqual({ phase: 'stopped', images: 0, student: null });
  expect(await RunFolder.ids()).not.toContain(s.id);
});

test('before the device is exchanged on purpose the run is saved, and goes on from there', async () => {
  const s = await running();
  await s.step();
  s.session.control('pause');
  await s.step();
  await s.session.leaveDevice();
  s.device.epoch++;
  s.session.control('resume');
  await settled();
  expect(s.run().trainer.images).toBe(4);
  expect(s.events.filter((e) => e.kind === 'notice').at(-1)).toMatchObject({
    text: 'The run goes on from 4 images, on the back-end that was chosen.',
  });
});
