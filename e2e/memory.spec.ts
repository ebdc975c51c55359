import { expect, test } from '@playwright/test';
import { type App, images, inWorker, openApp, settled } from './app';

let app: App;
test.afterEach(() => app?.close());

const GRID = '#/generate?model=fashion-mnist-32x32-gdd-i&count=64&class=1';

/** No WebAssembly memory may grow beyond so many pages of 64 kB: growing fails for real. */
const capMemory = (pages: number): string => `{
  const { Memory } = WebAssembly;
  WebAssembly.Memory = new Proxy(Memory, {
    construct: (target, [{ maximum, ...rest }]) => new target({ ...rest, maximum: Math.min(maximum, ${pages}) }),
  });
}`;

/** Every buffer beyond so many bytes is reported as one that the GPU has no memory for. */
const capBuffers = (bytes: number): string => `{
  const { createBuffer } = GPUDevice.prototype;
  GPUDevice.prototype.createBuffer = function (descriptor) {
    if (descriptor.size > ${bytes}) {
      const error = new GPUOutOfMemoryError('Not enough memory for a buffer');
      queueMicrotask(() => this.dispatchEvent(new GPUUncapturedErrorEvent('uncapturederror', { error })));
    }
    return createBuffer.call(this, descriptor);
  };
}`;

test('WebAssembly runs out of memory: fewer images at a time, all of them arrive, one line says so', async () => {
  app = await openApp({ adapter: 'none', at: GRID, prepare: (page) => inWorker(page, capMemory(250)) });
  const { page } = app;
  await settled(page);
  await expect(images(page, /seed \d+, class trouser/)).toHaveCount(64, { timeout: 60_000 });
  await expect(page.getByText('Memory ran out: going on with fewer images at a time.')).toHaveCount(1);
  await expect(page.getByRole('status').first()).toContainText(/\d threads/);
});

test('the GPU runs out of memory again and again: WebAssembly takes over, one line says so', async () => {
  app = await openApp({
    backend: 'webgpu',
    at: GRID,
    prepare: (page) => inWorker(page, capBuffers(100_000)),
  });
  const { page } = app;
  await settled(page);
  await expect(images(page, /seed \d+, class trouser/)).toHaveCount(64, { timeout: 60_000 });
  await expect(page.getByText(/out of memory: going on with WebAssembly/)).toHaveCount(1);
  await expect(page.getByRole('status').first()).toContainText(/WebAssembly|wasm/i);
});
