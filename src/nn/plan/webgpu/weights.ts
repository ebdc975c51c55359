import type { GpuMemory } from '../../../gpu/memory';
import type { PackedWeight } from './dispatch';

/** Packed weights of one model on the GPU, uploaded when first needed and shared by all its plans. */
export class GpuWeights {
  private readonly buffers = new Map<string, GPUBuffer>();

  constructor(private readonly memory: GpuMemory) {}

  get({ key, bytes, pack }: PackedWeight): GPUBuffer {
    let buffer = this.buffers.get(key);
    if (!buffer) {
      buffer = this.memory.buffer('weights', bytes, GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST);
      this.buffers.set(key, buffer);
      this.memory.device.queue.writeBuffer(buffer, 0, pack() as Float32Array<ArrayBuffer>);
    }
    return buffer;
  }

  get bytes(): number {
    return [...this.buffers.values()].reduce((sum, b) => sum + b.size, 0);
  }

  dispose(): void {
    for (const buffer of this.buffers.values()) this.memory.release('weights', buffer);
    this.buffers.clear();
  }
}
