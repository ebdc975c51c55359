/**
 * A WebGPU device that computes nothing and keeps every shader that it is given: what is read back is zeros. It can
 * refuse shaders as browsers and drivers do.
 */

/** How a refusal reaches the program. */
export type RefusalWay =
  /** The browser's compiler: an error of createShaderModule, and an invalid module. */
  | 'module'
  /** Only getCompilationInfo says so. */
  | 'info'
  /** The driver: a rejected createComputePipelineAsync, or an internal error of createComputePipeline. */
  | 'pipeline';

export interface FakeGpuOptions {
  features?: readonly string[];
  info?: Partial<GPUAdapterInfo>;
  /** Why a shader is refused; null accepts it. */
  refuse?: (code: string) => string | null;
  way?: RefusalWay;
  /** Bytes of buffers that it has. */
  memory?: number;
}

export interface FakeGpu {
  adapter: GPUAdapter;
  device: GPUDevice;
  /** What pipelines were asked for, in order. */
  programs: { name: string; code: string; entry: string }[];
  /** Errors that no scope caught: a real device would be taken for broken. */
  uncaptured: string[];
  /** Names of kernels that ran with a pipeline that is not valid. */
  invalid: string[];
  /** Why bind groups are refused from now on; null accepts them. */
  refuseBindings: string | null;
}

interface Module {
  label: string;
  code: string;
  reason: string | null;
}

const LIMITS = {
  maxBufferSize: 2 ** 30,
  maxStorageBufferBindingSize: 2 ** 30,
  maxComputeWorkgroupStorageSize: 32768,
  maxComputeInvocationsPerWorkgroup: 1024,
  maxComputeWorkgroupSizeX: 1024,
  maxComputeWorkgroupSizeY: 1024,
  maxComputeWorkgroupsPerDimension: 65535,
  maxStorageBuffersPerShaderStage: 10,
  minUniformBufferOffsetAlignment: 256,
};

class FakeBuffer {
  readonly size: number;
  readonly usage: number;
  readonly mapState = 'unmapped';

  constructor(
    { size, usage }: GPUBufferDescriptor,
    readonly destroy: () => void = () => {},
  ) {
    this.size = size;
    this.usage = usage;
  }

  async mapAsync(): Promise<void> {}
  getMappedRange = (offset = 0, length = this.size - offset) => new ArrayBuffer(length);
  unmap(): void {}
}

/** What WebGPU puts into a page and TensorFlow.js asks for. */
const GLOBALS = {
  GPUBuffer: FakeBuffer,
  GPUTexture: class {},
  GPUExternalTexture: class {},
  GPUBufferUsage: {
    MAP_READ: 1,
    MAP_WRITE: 2,
    COPY_SRC: 4,
    COPY_DST: 8,
    INDEX: 16,
    VERTEX: 32,
    UNIFORM: 64,
    STORAGE: 128,
    INDIRECT: 256,
    QUERY_RESOLVE: 512,
  },
  GPUShaderStage: { VERTEX: 1, FRAGMENT: 2, COMPUTE: 4 },
  GPUMapMode: { READ: 1, WRITE: 2 },
};

export function fakeGpu({
  features = [],
  info = {},
  refuse = () => null,
  way = 'module',
  memory = Number.POSITIVE_INFINITY,
}: FakeGpuOptions = {}): FakeGpu {
  for (const [name, value] of Object.entries(GLOBALS))
    (globalThis as Record<string, unknown>)[name] ??= value;
  // TensorFlow.js asks whether the page has WebGPU at all.
  Object.defineProperty(globalThis, 'navigator', { value: { gpu: {} }, configurable: true, writable: true });
  const programs: FakeGpu['programs'] = [];
  const uncaptured: string[] = [];
  const invalid: string[] = [];
  let held = 0;
  const scopes: { filter: string; error: { message: string } | null }[] = [];

  function report(kind: 'validation' | 'internal' | 'out-of-memory', message: string): void {
    const scope = scopes.findLast(({ filter }) => filter === kind);
    if (!scope) uncaptured.push(message);
    else scope.error ??= { message };
  }

  const pipeline = ({ label, code, reason }: Module, valid: boolean) => ({
    label,
    code,
    valid: valid && (reason === null || way === 'pipeline'),
    getBindGroupLayout: () => ({}),
  });
  type Stage = { module: Module; entryPoint: string };
  const asked = ({ module: { label, code }, entryPoint }: Stage) =>
    programs.push({ name: label, code, entry: entryPoint });
  const pass = () => ({
    setPipeline({ label, valid }: { label: string; valid: boolean }) {
      if (!valid) invalid.push(label);
    },
    setBindGroup() {},
    dispatchWorkgroups() {},
    end() {},
  });
  const encoder = () => ({
    beginComputePass: pass,
    copyBufferToBuffer() {},
    clearBuffer() {},
    finish: () => ({}),
  });

  const device = {
    features: new Set(features),
    limits: LIMITS,
    lost: new Promise(() => {}),
    queue: { writeBuffer() {}, submit() {}, onSubmittedWorkDone: async () => {} },
    addEventListener() {},
    destroy() {},
    pushErrorScope: (filter: string) => void scopes.push({ filter, error: null }),
    popErrorScope: async () => scopes.pop()!.error,
    createBuffer(descriptor: GPUBufferDescriptor) {
      held += descriptor.size;
      if (held > memory) report('out-of-memory', `no room for ${descriptor.size} bytes`);
      return new FakeBuffer(descriptor, () => {
        held -= descriptor.size;
      });
    },
    createBindGroupLayout: () => ({}),
    createPipelineLayout: () => ({}),
    createBindGroup() {
      if (gpu.refuseBindings !== null) report('validation', gpu.refuseBindings);
      return {};
    },
    createCommandEncoder: encoder,
    createShaderModule({ label = '', code }: GPUShaderModuleDescriptor) {
      const reason = refuse(code);
      if (reason !== null && way === 'module') report('validation', reason);
      const messages = reason !== null && way !== 'pipeline' ? [{ type: 'error', message: reason }] : [];
      return { label, code, reason, getCompilationInfo: async () => ({ messages }) };
    },
    createComputePipeline({ compute }: { compute: Stage }) {
      const { reason } = compute.module;
      asked(compute);
      if (reason !== null && way === 'module') report('validation', `invalid module: ${reason}`);
      if (reason !== null && way === 'pipeline') report('internal', reason);
      return pipeline(compute.module, reason === null);
    },
    async createComputePipelineAsync({ compute }: { compute: Stage }) {
      const { reason } = compute.module;
      asked(compute);
      if (reason !== null && way !== 'info')
        throw Object.assign(new Error(reason), { name: 'GPUPipelineError', reason: 'internal' });
      return pipeline(compute.module, reason === null);
    },
  } as unknown as GPUDevice;

  const adapter = {
    info: { vendor: 'fake', architecture: '', device: '', description: '', ...info },
    features: new Set(features),
    limits: LIMITS,
    requestDevice: async () => device,
  } as unknown as GPUAdapter;
  const gpu: FakeGpu = { adapter, device, programs, uncaptured, invalid, refuseBindings: null };
  return gpu;
}
