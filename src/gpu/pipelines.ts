import { asInnateError, InnateError } from '../lib/errors';
import type { Kernel } from './kernels/kernel';

/** A compiled kernel: its layout is explicit, so that a binding its code does not read stays valid. */
export interface Pipeline {
  pipeline: GPUComputePipeline;
  layout: GPUBindGroupLayout;
}

/** The browser's compiler or the graphics driver does not take a kernel; another form of the same product may do. */
export class KernelRefused extends InnateError {
  constructor(
    readonly kernel: string,
    /** What the compiler says of it, one line. */
    readonly reason: string,
    cause?: unknown,
  ) {
    super(
      'backend',
      'the browser or the graphics driver refused a kernel',
      { where: kernel, found: reason, hint: 'Update the browser or the driver, or choose WebAssembly' },
      cause,
    );
  }
}

/** Compiled kernels of one device, each once. */
export class Pipelines {
  private readonly ready = new Map<string, Pipeline>();

  /** `synchronous`: compile one after the other on the calling thread (Dawn in Node on lavapipe crashes otherwise). */
  constructor(
    private readonly device: GPUDevice,
    private readonly synchronous: boolean,
  ) {}

  /** Compiles what is missing, all at once where the platform can. Throws `KernelRefused` before anything runs. */
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

  /** The pipeline of a kernel, compiled on the spot where it must be: for callers that cannot wait. */
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
    module: GPUShaderModule;
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
    return { layout, module, descriptor };
  }

  /** Every way in which a compiler says no is heard here: as a device error it would be taken for a broken device. */
  private async compile(kernel: Kernel): Promise<Pipeline> {
    const { device } = this;
    device.pushErrorScope('internal');
    device.pushErrorScope('validation');
    let making: Promise<GPUComputePipeline>;
    let described: ReturnType<Pipelines['describe']>;
    let errors: Promise<GPUError | null>[];
    try {
      described = this.describe(kernel);
      const { descriptor } = described;
      making = this.synchronous
        ? Promise.resolve(device.createComputePipeline(descriptor))
        : device.createComputePipelineAsync(descriptor);
    } finally {
      errors = [device.popErrorScope(), device.popErrorScope()];
    }
    const [pipeline, info, ...heard] = await Promise.allSettled([
      making,
      described.module.getCompilationInfo(),
      ...errors,
    ]);
    const complaint = [
      info.status === 'fulfilled' && info.value.messages.find((m) => m.type === 'error')?.message,
      ...heard.map((h) => h.status === 'fulfilled' && h.value?.message),
      pipeline.status === 'rejected' && isPipelineError(pipeline.reason) && pipeline.reason.message,
    ].find((message) => typeof message === 'string');
    if (complaint !== undefined) throw new KernelRefused(kernel.name, firstLine(complaint));
    if (pipeline.status === 'fulfilled') return { pipeline: pipeline.value, layout: described.layout };
    throw asInnateError(pipeline.reason, 'backend');
  }
}

const isPipelineError = (error: unknown): error is Error =>
  error instanceof Error && error.name === 'GPUPipelineError';

/** Compilers answer with pages. */
const firstLine = (text: string): string =>
  (text.split('\n').find((line) => line.trim() !== '') ?? 'no reason given').trim().slice(0, 160);
