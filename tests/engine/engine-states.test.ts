import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Dispatcher } from '../../src/engine/dispatcher';
import { Engine } from '../../src/engine/engine';
import type { Device } from '../../src/engine/inference/device';
import { InnateError } from '../../src/lib/errors';
import type { GenerateRequest, ImageChunk } from '../../src/protocol/generate';
import type { Message, Request } from '../../src/protocol/messages';
import type { BackendPreference, EngineStatus, StartOptions } from '../../src/protocol/models';
import { tick } from '../support/fake-client';
import { FIXTURES } from '../support/fixtures';
import { MemoryFile, MemoryFiles } from '../support/memory-files';

/** The engine as the page's worker has it, in its queue of calls, on devices that come and go as a test says. */

const options = (preference: BackendPreference): StartOptions => ({
  preference,
  modelsUrl: 'https://here/',
  wasmBinaries: {},
});
const lost = () => new InnateError('backend', 'the GPU device was lost');

/** For a busy machine. */
const patience = { timeout: 60_000 };

const unhandled: unknown[] = [];
const note = (error: unknown) => void unhandled.push(error);
beforeEach(() => {
  process.on('unhandledRejection', note);
  new MemoryFiles().install();
  vi.stubGlobal('crossOriginIsolated', true);
});
afterEach(() => {
  process.off('unhandledRejection', note);
  expect(unhandled.splice(0)).toEqual([]);
  vi.unstubAllGlobals();
});

interface Opening {
  wanted: BackendPreference;
  /** Gives the engine its device. */
  arrive: () => FakeDevice;
  fail: (error: InnateError) => void;
}

interface FakeDevice {
  device: Device;
  lose: (error: InnateError) => void;
}

/** A device that says what it was asked for; what runs on it runs on WebAssembly, without threads. */
function fakeDevice(wanted: BackendPreference): FakeDevice {
  let lose = (_: InnateError) => {};
  const failure = new Promise<never>((_, reject) => {
    lose = reject;
  });
  const name = wanted === 'wasm' ? 'wasm' : 'webgpu';
  const backend = { name, label: wanted, software: true, gpu: null };
  const device = { backend, threads: 1, webgpuAvailable: true, webgpuReason: null, failure };
  return { device: device as unknown as Device, lose };
}

function worker() {
  const posted: Message[] = [];
  const openings: Opening[] = [];
  const abandoned: string[] = [];
  const onImages: (() => void)[] = [];
  const dispatcher = new Dispatcher({
    latents: () => Promise.reject(new Error('not used')),
    engine: (onStatus, onIdleFailure) =>
      new Engine(onStatus, onIdleFailure, {
        openDevice: (asked, avoidGpu) =>
          new Promise((resolve, reject) => {
            const wanted = avoidGpu ? 'wasm' : asked.preference;
            const arrive = () => {
              const made = fakeDevice(wanted);
              resolve(made.device);
              return made;
            };
            openings.push({ wanted, arrive, fail: reject });
          }),
        abandonDevice: ({ backend }) => void abandoned.push(backend.label),
        memory: () => 0,
        now: () => 0,
      }),
    post: (message) => {
      posted.push(message);
      if (message.type === 'images') onImages.shift()?.();
    },
    distil: () => Promise.reject(new Error('no runs here')),
    layers: () => Promise.reject(new Error('no layers here')),
  });
  let id = 0;
  const outcome = (of: number) => {
    const found = posted.find((m) => m.type === 'settled' && m.id === of);
    return found?.type === 'settled' ? (found.ok ? found.value : found.error) : undefined;
  };
  const send = (request: object): number => {
    dispatcher.receive({ ...request, id: ++id } as Request);
    return id;
  };
  return {
    openings,
    abandoned,
    /** What happens at the moment that images are sent: one for each chunk to come. */
    onImages,
    send,
    start: (preference: BackendPreference) => send({ type: 'start', options: options(preference) }),
    outcome,
    settled: (of: number) => vi.waitFor(() => expect(outcome(of)).toBeDefined(), patience),
    statuses: () => posted.flatMap((m) => (m.type === 'status' ? [m.status] : [])),
    chunks: (of: number) => posted.flatMap((m) => (m.type === 'images' && m.id === of ? [m.chunk] : [])),
    /** Started on a device, which it gives. */
    async started(preference: BackendPreference): Promise<FakeDevice> {
      const first = this.start(preference);
      await tick();
      const made = openings.at(-1)!.arrive();
      await this.settled(first);
      return made;
    },
  };
}

const nameOf = (value: unknown) => (value as EngineStatus).backend?.name;

describe('a restart', () => {
  it('while the engine is starting waits for that start; the first device is let go, the newer choice stays', async () => {
    const w = worker();
    const first = w.start('webgpu');
    const second = w.start('wasm');
    await tick();
    expect(w.openings.map((o) => o.wanted)).toEqual(['webgpu']); // never two devices at a time
    w.openings[0]!.arrive();
    await w.settled(first);
    await tick();
    expect(w.abandoned).toEqual(['webgpu']);
    expect(w.openings.map((o) => o.wanted)).toEqual(['webgpu', 'wasm']);
    expect(w.outcome(second)).toBeUndefined();
    w.openings[1]!.arrive();
    await w.settled(second);
    expect([nameOf(w.outcome(first)), nameOf(w.outcome(second))]).toEqual(['webgpu', 'wasm']);
    expect(nameOf(w.statuses().at(-1))).toBe('wasm');
    expect(w.abandoned).toEqual(['webgpu']);
  });

  it('while the engine is starting succeeds though that start fails', async () => {
    const w = worker();
    const first = w.start('webgpu');
    const second = w.start('wasm');
    await tick();
    w.openings[0]!.fail(new InnateError('backend', 'no adapter'));
    await w.settled(first);
    expect(w.outcome(first)).toMatchObject({ message: 'no adapter' });
    await tick();
    w.openings[1]!.arrive();
    await w.settled(second);
    expect(nameOf(w.statuses().at(-1))).toBe('wasm');
    expect(w.abandoned).toEqual([]);
  });

  it('is not disturbed by the old device, which is lost meanwhile and afterwards', async () => {
    const w = worker();
    const old = await w.started('webgpu');
    const again = w.start('webgpu');
    await tick();
    old.lose(lost());
    await tick();
    w.openings[1]!.arrive();
    await w.settled(again);
    await tick();
    expect(w.openings).toHaveLength(2); // the failure of a device that is gone opens no third one
    expect(w.statuses().at(-1)).toMatchObject({ backend: { name: 'webgpu' }, notice: null });
  });

  it('that fails leaves no device; the next call asks for one again, and fails with what that says', async () => {
    const w = worker();
    await w.started('webgpu');
    const failing = w.start('wasm');
    const work = w.send({ type: 'load', model: { kind: 'opened', key: 'file:mini.pkl' } });
    await tick();
    w.openings[1]!.fail(new InnateError('backend', 'no memory for WebAssembly'));
    await w.settled(failing);
    expect(w.outcome(failing)).toMatchObject({ message: 'no memory for WebAssembly' });
    expect(w.statuses().at(-1)!.backend).toBeNull();
    await tick();
    expect(w.openings[2]!.wanted).toBe('wasm');
    w.openings[2]!.fail(new InnateError('backend', 'still no memory'));
    await w.settled(work);
    expect(w.outcome(work)).toMatchObject({ message: 'still no memory' });
    await w.started('wasm');
    expect(nameOf(w.statuses().at(-1))).toBe('wasm');
  });
});

describe('a grid of images', () => {
  const bytes = Uint8Array.from(readFileSync(join(FIXTURES, 'mini', 'mini-ncsnpp-16-cond.pkl')));
  const seeds = [0, 1, 2, 3];
  let w: ReturnType<typeof worker>;
  let device: FakeDevice;
  let request: GenerateRequest;
  beforeEach(async () => {
    w = worker();
    device = await w.started('webgpu');
    const open = w.send({ type: 'open', file: new MemoryFile(bytes, 'mini.pkl'), choice: {} });
    await w.settled(open);
    const { key } = w.outcome(open) as { key: string };
    const model = { kind: 'opened', key } as const;
    request = { model, seeds, classIndex: null, sampler: 'one-step', steps: 1, sigma: 80, sigmaMid: 0.8 };
  });
  const pixels = (chunks: readonly ImageChunk[]) =>
    chunks.flatMap(({ indices, pixels: rgba, resolution }) =>
      indices.map((i, k) => [i, rgba.slice(k * 4 * resolution ** 2, (k + 1) * 4 * resolution ** 2)] as const),
    );
  const many = Array.from({ length: 12 }, (_, i) => i % 4);

  it('that is cancelled midway ends as that, and the next one is whole', async () => {
    const cancelled = w.send({ type: 'generate', request: { ...request, seeds: many } });
    w.onImages.push(() => w.send({ type: 'cancel', target: cancelled }));
    await w.settled(cancelled);
    expect(w.outcome(cancelled)).toMatchObject({ code: 'cancelled' });
    expect(w.chunks(cancelled)).toHaveLength(1);
    const next = w.send({ type: 'generate', request });
    await w.settled(next);
    expect(w.outcome(next)).toBe('complete');
    expect(pixels(w.chunks(next)).map(([i]) => i)).toEqual([0, 1, 2, 3]);
  });

  it('that a newer one supersedes midway ends without an error', async () => {
    const older = w.send({ type: 'generate', request: { ...request, seeds: many } });
    let newer = 0;
    w.onImages.push(() => {
      newer = w.send({ type: 'generate', request });
    });
    await w.settled(older);
    await w.settled(newer);
    expect([w.outcome(older), w.outcome(newer)]).toEqual(['superseded', 'complete']);
    expect(w.chunks(older)).toHaveLength(1);
  });

  it('goes on after a device that is lost twice: each image once, the same ones', async () => {
    const whole = w.send({ type: 'generate', request: { ...request, seeds: many } });
    await w.settled(whole);
    const cut = w.send({ type: 'generate', request: { ...request, seeds: many } });
    w.onImages.push(() => device.lose(lost()));
    await vi.waitFor(() => expect(w.openings).toHaveLength(2), patience);
    const second = w.openings[1]!.arrive();
    w.onImages.push(() => second.lose(lost()));
    await vi.waitFor(() => expect(w.openings).toHaveLength(3), patience);
    w.openings[2]!.arrive();
    await w.settled(cut);
    expect(w.outcome(cut)).toBe('complete');
    expect(w.openings.map((o) => o.wanted)).toEqual(['webgpu', 'webgpu', 'wasm']);
    expect(pixels(w.chunks(cut)).map(([i]) => i)).toEqual([...many.keys()]);
    expect(pixels(w.chunks(cut))).toEqual(pixels(w.chunks(whole)));
    expect(w.statuses().at(-1)!.notice).toBe('The GPU device was lost: going on with WebAssembly.');
  });

  it('opens a device itself where a failure has left none, and says why where it cannot', async () => {
    const failing = w.send({ type: 'generate', request: { ...request, seeds: many } });
    w.onImages.push(() => device.lose(lost()));
    await vi.waitFor(() => expect(w.openings).toHaveLength(2), patience);
    w.openings[1]!.fail(new InnateError('backend', 'no adapter'));
    await w.settled(failing);
    expect(w.statuses().at(-1)).toMatchObject({
      backend: null,
      notice: 'No adapter: the next request tries again.',
    });
    const again = w.send({ type: 'generate', request });
    await vi.waitFor(() => expect(w.openings).toHaveLength(3), patience);
    w.openings[2]!.fail(new InnateError('backend', 'still no adapter'));
    await w.settled(again);
    expect(w.outcome(again)).toMatchObject({ message: 'still no adapter' });
    const last = w.send({ type: 'generate', request });
    await vi.waitFor(() => expect(w.openings).toHaveLength(4), patience);
    w.openings[3]!.arrive();
    await w.settled(last);
    expect(w.outcome(last)).toBe('complete');
    expect(w.statuses().at(-1)!.backend).not.toBeNull();
  });

  it('fails where a lost device cannot be set up again; the next start has another one', async () => {
    const failing = w.send({ type: 'generate', request: { ...request, seeds: many } });
    w.onImages.push(() => device.lose(lost()));
    await vi.waitFor(() => expect(w.openings).toHaveLength(2), patience);
    w.openings[1]!.fail(new InnateError('backend', 'no adapter'));
    await w.settled(failing);
    expect(w.outcome(failing)).toMatchObject({ message: 'no adapter' });
    await w.started('webgpu');
    const next = w.send({ type: 'generate', request });
    await w.settled(next);
    expect(w.outcome(next)).toBe('complete');
    expect(w.openings).toHaveLength(3);
  });
});
