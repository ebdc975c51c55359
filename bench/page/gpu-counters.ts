/** What every WebGPU call of this thread adds up to, whoever makes it. */
export interface GpuCounters {
  dispatches: number;
  submits: number;
  /** performance.now() when the last submit had returned. */
  lastSubmit: number;
  /** Largest sum of the sizes of buffers that were created and not yet destroyed. */
  peakBytes: number;
  errors: string[];
  /** Counts dispatches and submits from here on. */
  restart(): void;
}

type Any = Record<string, (this: unknown, ...args: unknown[]) => unknown>;

/** `after` runs when the wrapped method has returned. */
function wrap<Self>(
  owner: { prototype: Self } | undefined,
  method: keyof Self,
  after: (self: Self, args: unknown[], result: unknown) => void,
): void {
  if (!owner) return; // a browser without WebGPU
  const prototype = owner.prototype as Any;
  const original = prototype[method as string]!;
  prototype[method as string] = function (...args) {
    const result = original.apply(this, args);
    after(this as Self, args, result);
    return result;
  };
}

/** Wraps WebGPU's classes; call before anything uses them. */
export function watchGpu(): GpuCounters {
  const counters: GpuCounters = {
    dispatches: 0,
    submits: 0,
    lastSubmit: 0,
    peakBytes: 0,
    errors: [],
    restart() {
      counters.dispatches = 0;
      counters.submits = 0;
    },
  };
  const dispatched = () => {
    counters.dispatches++;
  };
  const scope = globalThis as typeof globalThis & Record<string, never>;
  wrap(scope.GPUComputePassEncoder, 'dispatchWorkgroups', dispatched);
  wrap(scope.GPUComputePassEncoder, 'dispatchWorkgroupsIndirect', dispatched);
  wrap(scope.GPUQueue, 'submit', () => {
    counters.submits++;
    counters.lastSubmit = performance.now();
  });

  const sizes = new WeakMap<object, number>();
  let live = 0;
  wrap(scope.GPUDevice, 'createBuffer', (_, [descriptor], buffer) => {
    const { size } = descriptor as GPUBufferDescriptor;
    sizes.set(buffer as object, size);
    live += size;
    counters.peakBytes = Math.max(counters.peakBytes, live);
  });
  wrap(scope.GPUBuffer, 'destroy', (buffer) => {
    live -= sizes.get(buffer) ?? 0;
    sizes.delete(buffer);
  });

  wrap(scope.GPUAdapter, 'requestDevice', async (_, __, result) => {
    const device = await (result as Promise<GPUDevice>);
    device.addEventListener('uncapturederror', (event) => {
      counters.errors.push((event as GPUUncapturedErrorEvent).error.message);
    });
    const { reason, message } = await device.lost;
    if (reason !== 'destroyed') counters.errors.push(`device lost: ${message}`);
  });
  return counters;
}
