import { OutOfMemory } from '../lib/errors';

/** What GPU memory is held for. */
export type MemoryKind = 'weights' | 'activations' | 'transfer';

/** Every buffer the plans own, counted: the ledger behind the status bar's figure. */
export class GpuMemory {
  private readonly held: Record<MemoryKind, number> = { weights: 0, activations: 0, transfer: 0 };

  constructor(readonly device: GPUDevice) {}

  /** Throws `OutOfMemory` for what the device cannot make or bind at all. */
  buffer(kind: MemoryKind, bytes: number, usage: number): GPUBuffer {
    const { maxBufferSize, maxStorageBufferBindingSize } = this.device.limits;
    if (bytes > Math.min(maxBufferSize, maxStorageBufferBindingSize))
      throw new OutOfMemory('backend', 'the GPU is out of memory', {
        expected: `buffers of up to ${Math.min(maxBufferSize, maxStorageBufferBindingSize)} bytes`,
        found: `${bytes} bytes of ${kind}`,
        hint: 'Ask for fewer images at a time, or use WebAssembly',
      });
    const buffer = this.device.createBuffer({ label: kind, size: bytes, usage });
    this.held[kind] += bytes;
    return buffer;
  }

  release(kind: MemoryKind, buffer: GPUBuffer): void {
    this.held[kind] -= buffer.size;
    buffer.destroy();
  }

  get bytes(): number {
    return this.held.weights + this.held.activations + this.held.transfer;
  }

  breakdown(): Readonly<Record<MemoryKind, number>> {
    return { ...this.held };
  }
}
