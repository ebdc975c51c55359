import { InnateError } from '../lib/errors';
import type { Kernel } from './kernels/kernel';

/** A compiled kernel: its layout is explicit, so that a binding its code does not read stays valid. */
export interface Pipeline {
  pipeline: GPUComputePipeline;
  layout: GPUBindGroupLayout;
}

/** Compiled kernels of one device, each once. */
export class Pipelines {
  private readonly ready = new Map<string, Pipeline>();

  /** `synchronous`: compile one after the other on the calling thread (Dawn in Node on lavapipe crashes otherwise). */
  constructor(
    private readonly device: GPUDevice,
    private readonly synchronous: boolean,
  ) {}

  /** Compiles what is missing, all at once where the platform can. */
  async prepare(
    kernels: Iterable<Kernel>,
    onProgress?: (done: number, total: number) => void,
  ): Promise<void> {
    const missing = new Map<string, Kernel>();
    for (const kernel of kernels) if (!this.ready.has(kernel.code)) missing.set(kernel.code, kernel);
    let done = 0;
    onProgress?.(0, missing.size);
    await Promise.all(
      [...missing.values()].map(async (kernel) => {
        this.ready.set(kernel.code, await this.compile(kernel));
        onProgress?.(++done, missing.size);
      }),
    );
  }

  /** Compiled on the spot where it must be: for callers that cannot wait. */
  now(kernel: Kernel): Pipeline {
    const found = this.ready.get(kernel.code);
    if (found) return found;
    const { layout, descriptor } = this.describe(kernel);
    const made = { pipeline: this.device.createComputePipeline(descriptor), layout };
    this.ready.set(kernel.code, made);
    return made;
  }

  get(kernel: Kernel): Pipeline {
    const found = this.ready.get(kernel.code);
    if (!found) throw new Error(`${kernel.name} was not prepared`);
    return found;
  }

  private describe({ name, code, bindings, writes }: Kernel): {
    layout: GPUBindGroupLayout;
    descriptor: GPUComputePipelineDescriptor;
  } {
    const { device } = this;
    const entries = bindings.map(
      (binding, i): GPUBindGroupLayoutEntry => ({
        binding: i,
        visibility: GPUShaderStage.COMPUTE,
        buffer: { type: writes.includes(binding) ? 'storage' : 'read-only-storage' },
      }),
    );
    entries.push({
      binding: bindings.length,
      visibility: GPUShaderStage.COMPUTE,
      buffer: { type: 'uniform' },
    });
    const layout = device.createBindGroupLayout({ label: name, entries });
    const module = device.createShaderModule({ label: name, code });
    const descriptor: GPUComputePipelineDescriptor = {
      label: name,
      layout: device.createPipelineLayout({ bindGroupLayouts: [layout] }),
      compute: { module, entryPoint: 'main' },
    };
    return { layout, descriptor };
  }

  private async compile(kernel: Kernel): Promise<Pipeline> {
    const { device } = this;
    const { layout, descriptor } = this.describe(kernel);
    try {
      const pipeline = this.synchronous
        ? device.createComputePipeline(descriptor)
        : await device.createComputePipelineAsync(descriptor);
      return { pipeline, layout };
    } catch (error) {
      throw new InnateError(
        'backend',
        'the GPU driver refused a kernel',
        { where: kernel.name, hint: 'Update the graphics driver, or choose WebAssembly' },
        error,
      );
    }
  }
}
