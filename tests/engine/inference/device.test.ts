import { afterEach, expect, it, vi } from 'vitest';
import { openDevice } from '../../../src/engine/inference/device';
import { InnateError } from '../../../src/lib/errors';
import type { StartOptions } from '../../../src/protocol/models';

/** What the browser's graphics process answers a page with whose GPU it has just given up. */
const activateWebGPU = vi.fn();
vi.mock('../../../src/gpu/backends', () => ({
  activateWebGPU: (...args: unknown[]) => activateWebGPU(...args),
  activateWasm: async () => ({ name: 'wasm', label: '1 thread', software: true }),
  abandonWasm: () => {},
}));
afterEach(() => vi.unstubAllGlobals());

const options = { preference: 'auto', modelsUrl: 'https://here/', wasmBinaries: {} } satisfies StartOptions;
const adapter = { info: { vendor: 'maker', architecture: 'new' }, features: new Set() };
const page = () => {
  vi.stubGlobal('navigator', { gpu: { requestAdapter: async () => adapter }, hardwareConcurrency: 2 });
  vi.stubGlobal('crossOriginIsolated', true);
};

it('goes on with WebAssembly where the GPU refuses a device, and says so', async () => {
  page();
  activateWebGPU.mockRejectedValueOnce(new InnateError('backend', 'the GPU refused a device'));
  const device = await openDevice(options);
  expect(device.backend.name).toBe('wasm');
  expect(device.webgpuAvailable).toBe(true); // it may be chosen again
  expect(device.webgpuReason).toMatch(/^The GPU refused a device: WebAssembly is used/);
});

it('is not silent about a part of the page that could not be loaded', async () => {
  page();
  activateWebGPU.mockRejectedValueOnce(new InnateError('io', 'a part of the page could not be loaded'));
  await expect(openDevice(options)).rejects.toThrow('could not be loaded');
});
