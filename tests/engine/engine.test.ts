import { expect, it, vi } from 'vitest';
import { Engine } from '../../src/engine/engine';
import type { Device } from '../../src/engine/inference/device';
import { KernelRefused } from '../../src/gpu/pipelines';
import { InnateError, OutOfMemory } from '../../src/lib/errors';
import type { EngineStatus, StartOptions } from '../../src/protocol/models';
import { ThreadsFailed } from '../../src/simd/runtime';

const MINUTE = 60_000;
const OPTIONS: StartOptions = { preference: 'auto', modelsUrl: 'https://here/', wasmBinaries: {} };
const lost = () => new InnateError('backend', 'the GPU device was lost');

/** An engine whose devices are lost when the test says so. */
async function set(openDevice?: () => Promise<Device>) {
  const statuses: EngineStatus[] = [];
  const clock = { ms: 0 };
  const devices: { avoidGpu: string | null; lose: (error: InnateError) => void }[] = [];
  const idle = vi.fn();
  const engine = new Engine((status) => statuses.push(status), idle, {
    openDevice:
      openDevice ??
      (async (_options, avoidGpu = null) => {
        let lose = (_: InnateError) => {};
        const failure = new Promise<never>((_, reject) => {
          lose = reject;
        });
        devices.push({ avoidGpu, lose });
        const name = avoidGpu ? 'wasm' : 'webgpu';
        return {
          backend: { name, label: name, software: false, gpu: null },
          threads: 1,
          webgpuAvailable: true,
          webgpuReason: avoidGpu,
          failure,
        } as unknown as Device;
      }),
    abandonDevice: () => {},
    memory: () => 0,
    now: () => clock.ms,
  });
  return {
    engine,
    statuses,
    clock,
    devices,
    idle,
    /** Work during which the newest device is lost; resolves with the one that it ends on. */
    async loseOne() {
      let tries = 0;
      await engine.onDevice(() => {
        if (tries++ > 0) return Promise.resolve();
        devices.at(-1)!.lose(lost());
        return new Promise<void>(() => {});
      });
      return statuses.at(-1)!.backend!.name;
    },
  };
}

it('a device that is lost is set up again; lost twice within minutes it is given up, and that is said', async () => {
  const s = await set();
  await s.engine.start(OPTIONS);
  expect(await s.loseOne()).toBe('webgpu');
  expect(s.statuses.at(-1)!.notice).toBe('The GPU device was lost: it was set up again, nothing is lost.');
  s.clock.ms += 5 * MINUTE;
  expect(await s.loseOne()).toBe('wasm');
  expect(s.statuses.at(-1)).toMatchObject({
    notice: 'The GPU device was lost: going on with WebAssembly.',
    webgpuReason: expect.stringContaining('failed 2 times within 10 minutes'),
  });
});

it('a GPU without the memory for a training step is tried again while less is asked of it, then given up', async () => {
  const s = await set();
  await s.engine.start(OPTIONS);
  const services = s.engine.distilServices();
  const failed = new OutOfMemory('backend', 'the GPU is out of memory');
  for (let i = 0; i < 3; i++) {
    await services.recover(failed, services.epoch(), true);
    expect(services.backend().name).toBe('webgpu');
  }
  await services.recover(failed, services.epoch(), false);
  expect(services.backend().name).toBe('wasm');
});

it('a kernel whose every form is refused is not tried again: WebAssembly takes over at once, and that is said', async () => {
  const s = await set();
  await s.engine.start(OPTIONS);
  const tried: string[] = [];
  await s.engine.onDevice(async () => {
    tried.push(s.devices.at(-1)!.avoidGpu ? 'wasm' : 'webgpu');
    if (tried.length === 1) throw new KernelRefused('register conv f32', 'no such builtin');
  });
  expect(tried).toEqual(['webgpu', 'wasm']);
  expect(s.statuses.at(-1)!.webgpuReason).toBe(
    'Every form of the kernel "register conv f32" was refused (no such builtin): update the browser or the graphics driver.',
  );
});

it('a kernel that gives way to its next form is said in one line, on the same device', async () => {
  const gpu = { onRefusal: (_: string) => {}, traits: { reason: 'register tiles' } };
  const backend = { name: 'webgpu', label: 'x', software: false, gpu };
  const device = { backend, threads: 1, webgpuAvailable: true, webgpuReason: null };
  const failure = new Promise<never>(() => {});
  const s = await set(async () => ({ ...device, failure }) as unknown as Device);
  await s.engine.start(OPTIONS);
  gpu.onRefusal('The kernel "a" was refused: going on with register tiles.');
  expect(s.statuses.at(-1)).toMatchObject({
    backend: { name: 'webgpu' },
    kernels: 'register tiles',
    notice: 'The kernel "a" was refused: going on with register tiles.',
  });
});

it('a device that is lost every few hours stays the GPU', async () => {
  const s = await set();
  await s.engine.start(OPTIONS);
  for (let i = 0; i < 5; i++) {
    s.clock.ms += 180 * MINUTE;
    expect(await s.loseOne()).toBe('webgpu');
  }
  expect(s.devices.every(({ avoidGpu }) => avoidGpu === null)).toBe(true);
});

it('a person who chooses the GPU again gets it again', async () => {
  const s = await set();
  await s.engine.start(OPTIONS);
  await s.loseOne();
  await s.loseOne();
  expect(await s.engine.start({ ...OPTIONS, preference: 'webgpu' })).toMatchObject({
    backend: { name: 'webgpu' },
    notice: null,
  });
  expect(await s.loseOne()).toBe('webgpu');
});

it('a device that is lost while nothing is under way is dealt with once', async () => {
  const s = await set();
  await s.engine.start(OPTIONS);
  s.devices[0]!.lose(lost());
  await vi.waitFor(() => expect(s.idle).toHaveBeenCalledTimes(1));
  await s.engine.recoverIdle();
  await s.engine.recoverIdle();
  expect(s.devices).toHaveLength(2);
  expect(s.statuses.at(-1)!.backend!.name).toBe('webgpu');
});

it('threads that fail are started again once within minutes; the second time the work fails', async () => {
  const s = await set(async () => {
    const backend = { name: 'wasm', label: '1 thread', software: true };
    const failure = new Promise<never>(() => {});
    return { backend, threads: 2, webgpuAvailable: false, webgpuReason: null, failure } as unknown as Device;
  });
  await s.engine.start(OPTIONS);
  const failOnce = () => {
    let tries = 0;
    return s.engine.onDevice(async () => {
      if (tries++ === 0) throw new ThreadsFailed('one of them stopped');
    });
  };
  await failOnce();
  expect(s.statuses.at(-1)!.notice).toBe(
    'The WebAssembly threads failed: they were started again, nothing is lost.',
  );
  await expect(failOnce()).rejects.toBeInstanceOf(ThreadsFailed);
  s.clock.ms += 11 * MINUTE;
  await failOnce();
});

it('an engine whose device cannot be opened has not started', async () => {
  const s = await set(() => Promise.reject(new InnateError('backend', 'no memory for WebAssembly')));
  await expect(s.engine.start(OPTIONS)).rejects.toThrow('no memory');
  expect(() => s.engine.modelsUrl).toThrow('has not been started');
});
