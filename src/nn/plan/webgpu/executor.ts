import type { GpuContext } from '../../../gpu/context';
import { packUniforms } from '../../../gpu/kernels/kernel';
import { SQUARE_PARTS } from '../../../gpu/kernels/squares';
import type { KernelTraits } from '../../../gpu/traits';
import type { WeightSource } from '../../weights';
import { interleaveQkv, type PlanExecutor } from '../executor';
import { type Plan, storedChannels, type Value, valueSize } from '../steps';
import { type PlanCost, planCost } from './cost';
import type { WeightLayout } from './layout';
import { lower } from './lower';
import type { WeightPrecision } from './pack';
import { assignSlots } from './slots';
import type { GpuWeights } from './weights';

/** A submission longer than this would make a software adapter's page stutter. */
const SUBMISSION_MS = 50;

/** What is read back after a run. */
interface Result {
  buffer: GPUBuffer;
  bytes: number;
  channels: number;
  /** Stored q, k, v one after the other. */
  qkv: boolean;
}

/** What an executor is made for: a batch size, and weights in one precision and one form of the kernels. */
interface ExecutorOptions {
  batch: number;
  precision: WeightPrecision;
  layout: WeightLayout;
  traits: KernelTraits;
}

/** A factor that a run may change: a float32 in the uniforms, `scale` times the block's gain. */
interface Gain {
  block: string;
  offset: number;
  scale: number;
  written: number;
}

interface Encoded {
  pipeline: GPUComputePipeline;
  group: GPUBindGroup;
  grid: readonly [number, number, number];
}

/**
 * A plan compiled for one batch size: dispatches with their bind groups over memory that is allocated once. A run
 * uploads the inputs, submits one encoder and reads the outputs back.
 */
export class WebGpuExecutor implements PlanExecutor {
  readonly cost: PlanCost;
  /** Set to false to measure a forward pass as a single submission. */
  splitting: boolean;
  private lastMs = 0;
  private readonly staged: Float32Array<ArrayBuffer>;

  private constructor(
    private readonly context: GpuContext,
    private readonly plan: Plan,
    private readonly batch: number,
    private readonly encoded: readonly Encoded[],
    private readonly slots: readonly GPUBuffer[],
    private readonly bufferOf: (value: Value) => GPUBuffer,
    private readonly results: ReadonlyMap<string, Result>,
    private readonly gains: readonly Gain[],
    private readonly uniforms: GPUBuffer,
    private readonly staging: GPUBuffer,
    cost: PlanCost,
  ) {
    this.cost = cost;
    this.splitting = context.software;
    const most = Math.max(...[...plan.inputs.values()].map((v) => valueSize(v) * batch));
    this.staged = new Float32Array(most);
  }

  /**
   * Compiles the kernels that are missing, then uploads missing weights and allocates. Throws `backend` errors;
   * `KernelRefused` comes before anything is allocated.
   */
  static async create(
    plan: Plan,
    source: WeightSource,
    weights: GpuWeights,
    { batch, precision, layout, traits }: ExecutorOptions,
    context: GpuContext,
    onProgress?: (done: number, total: number) => void,
  ): Promise<WebGpuExecutor> {
    const { device, memory, pipelines } = context;
    const maxBinding = Math.min(device.limits.maxStorageBufferBindingSize, device.limits.maxBufferSize);
    const lowered = lower(plan, source, { batch, traits, precision, maxBinding }, layout);
    await pipelines.prepare(
      lowered.dispatches.map((d) => d.kernel),
      onProgress,
    );
    const { STORAGE, COPY_SRC, COPY_DST, UNIFORM, MAP_READ } = GPUBufferUsage;
    const { slots, slotOf } = assignSlots(lowered.dispatches, lowered.scratch, {
      inputs: new Set([...plan.inputs.values()].map((v) => lowered.bufferOf.get(v)!)),
      outputs: new Set([...lowered.outputIn.values(), ...lowered.observedIn.values()]),
    });
    const memoryOf = slots.map((bytes) => memory.buffer('activations', bytes, STORAGE | COPY_SRC | COPY_DST));
    const slot = (id: number) => memoryOf[slotOf[id]!]!;

    const step = device.limits.minUniformBufferOffsetAlignment;
    const packed = lowered.dispatches.map((d) => packUniforms(d.kernel, d.uniforms));
    const offsets: number[] = [];
    let size = 0;
    for (const bytes of packed) {
      offsets.push(size);
      size += Math.ceil(bytes.byteLength / step) * step;
    }
    const uniforms = memory.buffer('transfer', size, UNIFORM | COPY_DST);
    const all = new Uint8Array(size);
    for (const [i, bytes] of packed.entries()) all.set(new Uint8Array(bytes), offsets[i]!);
    device.queue.writeBuffer(uniforms, 0, all);

    const nothing = weights.get({ key: 'nothing', bytes: 16, pack: () => new Float32Array(4) });
    const encoded = lowered.dispatches.map(({ kernel, operands, grid }, i): Encoded => {
      const { pipeline, layout } = pipelines.get(kernel);
      const entries = operands.map((operand, binding): GPUBindGroupEntry => {
        if (operand === 'nothing') return { binding, resource: { buffer: nothing } };
        if ('weight' in operand) return { binding, resource: { buffer: weights.get(operand.weight) } };
        const { id, bytes } = operand.scratch;
        return { binding, resource: { buffer: slot(id), size: bytes } };
      });
      entries.push({
        binding: operands.length,
        resource: { buffer: uniforms, offset: offsets[i]!, size: packed[i]!.byteLength },
      });
      const group = device.createBindGroup({ label: kernel.name, layout, entries });
      return { pipeline, group, grid };
    });
    const results = new Map<string, Result>();
    for (const [name, { value, channels }] of plan.outputs) {
      const { id, bytes } = lowered.outputIn.get(name)!;
      results.set(name, { buffer: slot(id), bytes, channels, qkv: value.attentionHeads > 0 });
    }
    for (const [name, { id, bytes }] of lowered.observedIn)
      results.set(name, { buffer: slot(id), bytes, channels: SQUARE_PARTS, qkv: false });
    const gains = lowered.dispatches.flatMap(({ kernel, uniforms: { scaleF }, gain }, i): Gain[] => {
      const offset = offsets[i]! + 4 * kernel.uniforms.indexOf('scaleF');
      return gain ? [{ block: gain, offset, scale: scaleF!, written: scaleF! }] : [];
    });
    const read = [...results.values()].reduce((sum, r) => sum + r.bytes, 0);
    return new WebGpuExecutor(
      context,
      plan,
      batch,
      encoded,
      memoryOf,
      (value) => slot(lowered.bufferOf.get(value)!.id),
      results,
      gains,
      uniforms,
      memory.buffer('transfer', read, MAP_READ | COPY_DST),
      planCost(plan, lowered, batch),
    );
  }

  get bytes(): number {
    return [...this.slots, this.uniforms, this.staging].reduce((sum, b) => sum + b.size, 0);
  }

  async run(
    inputs: ReadonlyMap<string, Float32Array>,
    gains: ReadonlyMap<string, number> = new Map(),
  ): Promise<ReadonlyMap<string, Float32Array>> {
    const started = performance.now();
    this.setGains(gains);
    for (const [name, value] of this.plan.inputs) this.upload(value, inputs.get(name)!);
    this.submit();
    await this.staging.mapAsync(GPUMapMode.READ);
    const mapped = new Float32Array(this.staging.getMappedRange());
    const results = new Map<string, Float32Array>();
    let at = 0;
    for (const [name, { bytes, channels, qkv }] of this.results) {
      const values = withoutPadding(mapped.subarray(at, at + bytes / 4), channels);
      results.set(name, qkv ? interleaveQkv(values, channels) : values);
      at += bytes / 4;
    }
    this.staging.unmap();
    this.lastMs = performance.now() - started;
    return results;
  }

  /** Fills all activation memory with NaN: whatever a kernel fails to write shows in the result. */
  poison(): void {
    for (const slot of this.slots)
      this.context.device.queue.writeBuffer(slot, 0, new Float32Array(slot.size / 4).fill(Number.NaN));
  }

  dispose(): void {
    const { memory } = this.context;
    for (const slot of this.slots) memory.release('activations', slot);
    memory.release('transfer', this.uniforms);
    memory.release('transfer', this.staging);
  }

  private setGains(gains: ReadonlyMap<string, number>): void {
    for (const gain of this.gains) {
      const value = gain.scale * (gains.get(gain.block) ?? 1);
      if (value === gain.written) continue;
      this.context.device.queue.writeBuffer(this.uniforms, gain.offset, Float32Array.of(value));
      gain.written = value;
    }
  }

  private upload(value: Value, data: Float32Array): void {
    const stored = storedChannels(value.channels);
    let source = data as Float32Array<ArrayBuffer>;
    if (stored !== value.channels) {
      source = this.staged.subarray(0, valueSize(value) * this.batch);
      for (let from = 0, to = 0; from < data.length; from += value.channels, to += stored)
        for (let c = 0; c < stored; c++) source[to + c] = c < value.channels ? data[from + c]! : 0;
    }
    this.context.device.queue.writeBuffer(this.bufferOf(value), 0, source);
  }

  private submit(): void {
    const { device } = this.context;
    const parts = this.splitting ? Math.max(1, Math.round(this.lastMs / SUBMISSION_MS)) : 1;
    const share = Math.ceil(this.encoded.length / parts);
    for (let from = 0; from < this.encoded.length; from += share) {
      const encoder = device.createCommandEncoder();
      const pass = encoder.beginComputePass();
      let current: GPUComputePipeline | null = null;
      for (let i = from; i < Math.min(from + share, this.encoded.length); i++) {
        const { pipeline, group, grid } = this.encoded[i]!;
        if (pipeline !== current) {
          pass.setPipeline(pipeline);
          current = pipeline;
        }
        pass.setBindGroup(0, group);
        pass.dispatchWorkgroups(...grid);
      }
      pass.end();
      if (from + share >= this.encoded.length) this.copyOutputs(encoder);
      device.queue.submit([encoder.finish()]);
    }
  }

  private copyOutputs(encoder: GPUCommandEncoder): void {
    let at = 0;
    for (const { buffer, bytes } of this.results.values()) {
      encoder.copyBufferToBuffer(buffer, 0, this.staging, at, bytes);
      at += bytes;
    }
  }
}

/** The network's channels of values stored in groups of four. */
function withoutPadding(values: Float32Array, channels: number): Float32Array {
  const stored = storedChannels(channels);
  if (stored === channels) return values.slice();
  const out = new Float32Array((values.length / stored) * channels);
  for (let from = 0, to = 0; to < out.length; from += stored, to += channels)
    for (let c = 0; c < channels; c++) out[to + c] = values[from + c]!;
  return out;
}
