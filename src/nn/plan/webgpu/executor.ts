import type { GpuContext } from '../../../gpu/context';
import { packUniforms } from '../../../gpu/kernels/kernel';
import { SQUARE_PARTS } from '../../../gpu/kernels/squares';
import type { KernelTraits } from '../../../gpu/traits';
import type { WeightPrecision } from '../../../lib/backends';
import type { WeightSource } from '../../weights';
import type { PlanExecutor } from '../executor';
import { interleaveQkv } from '../qkv';
import { type Plan, storedChannels, type Value, valueSize } from '../steps';
import { type PlanCost, planCost } from './cost';
import type { Dispatch, Operand, Scratch } from './dispatch';
import type { WeightLayout } from './layout';
import { lower } from './lower';
import type { LoweredPlan } from './lowering';
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

/** All uniforms of a plan in one buffer: each dispatch's bytes at its offset. */
interface PackedUniforms {
  buffer: GPUBuffer;
  offsets: readonly number[];
  sizes: readonly number[];
}

/** A plan compiled for `batch` images: what a run needs, allocated. */
interface CompiledPlan {
  plan: Plan;
  batch: number;
  encoded: readonly Encoded[];
  /** All memory of activations. */
  slots: readonly GPUBuffer[];
  /** Where a run's inputs go, by value. */
  inputs: ReadonlyMap<Value, GPUBuffer>;
  /** What is read back, by name, in the order in which it lies in `staging`. */
  results: ReadonlyMap<string, Result>;
  gains: readonly Gain[];
  uniforms: GPUBuffer;
  staging: GPUBuffer;
  cost: PlanCost;
}

/**
 * A plan compiled for one batch size: dispatches with their bind groups over memory that is allocated once. A run
 * uploads the inputs, submits one encoder and reads the outputs back.
 */
export class WebGpuExecutor implements PlanExecutor {
  /** Set to false to measure a forward pass as a single submission. */
  splitting: boolean;
  private lastMs = 0;
  private readonly staged: Float32Array<ArrayBuffer>;

  private constructor(
    private readonly context: GpuContext,
    private readonly compiled: CompiledPlan,
  ) {
    const { plan, batch } = compiled;
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
    const { STORAGE, COPY_SRC, COPY_DST, MAP_READ } = GPUBufferUsage;
    const { slots, slotOf } = assignSlots(lowered.dispatches, lowered.scratch, {
      inputs: new Set([...plan.inputs.values()].map((v) => lowered.bufferOf.get(v)!)),
      outputs: new Set([...lowered.outputIn.values(), ...lowered.observedIn.values()]),
    });
    const memoryOf = slots.map((bytes) => memory.buffer('activations', bytes, STORAGE | COPY_SRC | COPY_DST));
    const slot = ({ id }: Scratch) => memoryOf[slotOf[id]!]!;

    const uniforms = uploadUniforms(context, lowered.dispatches);
    const encoded = encode(context, lowered.dispatches, uniforms, weights, slot);
    const results = resultsOf(plan, lowered, slot);
    const read = [...results.values()].reduce((sum, r) => sum + r.bytes, 0);
    return new WebGpuExecutor(context, {
      plan,
      batch,
      encoded,
      slots: memoryOf,
      inputs: new Map([...plan.inputs.values()].map((v) => [v, slot(lowered.bufferOf.get(v)!)])),
      results,
      gains: gainsOf(lowered.dispatches, uniforms),
      uniforms: uniforms.buffer,
      staging: memory.buffer('transfer', read, MAP_READ | COPY_DST),
      cost: planCost(plan, lowered, batch),
    });
  }

  get cost(): PlanCost {
    return this.compiled.cost;
  }

  get bytes(): number {
    const { slots, uniforms, staging } = this.compiled;
    return [...slots, uniforms, staging].reduce((sum, b) => sum + b.size, 0);
  }

  async run(
    inputs: ReadonlyMap<string, Float32Array>,
    gains: ReadonlyMap<string, number> = new Map(),
  ): Promise<ReadonlyMap<string, Float32Array>> {
    const started = performance.now();
    this.setGains(gains);
    const { plan, staging } = this.compiled;
    for (const [name, value] of plan.inputs) this.upload(value, inputs.get(name)!);
    this.submit();
    await staging.mapAsync(GPUMapMode.READ);
    const mapped = new Float32Array(staging.getMappedRange());
    const results = new Map<string, Float32Array>();
    let at = 0;
    for (const [name, { bytes, channels, qkv }] of this.compiled.results) {
      const values = withoutPadding(mapped.subarray(at, at + bytes / 4), channels);
      results.set(name, qkv ? interleaveQkv(values, channels) : values);
      at += bytes / 4;
    }
    staging.unmap();
    this.lastMs = performance.now() - started;
    return results;
  }

  /** Fills all activation memory with NaN: whatever a kernel fails to write shows in the result. */
  poison(): void {
    for (const slot of this.compiled.slots)
      this.context.device.queue.writeBuffer(slot, 0, new Float32Array(slot.size / 4).fill(Number.NaN));
  }

  dispose(): void {
    const { memory } = this.context;
    const { slots, uniforms, staging } = this.compiled;
    for (const slot of slots) memory.release('activations', slot);
    memory.release('transfer', uniforms);
    memory.release('transfer', staging);
  }

  private setGains(gains: ReadonlyMap<string, number>): void {
    for (const gain of this.compiled.gains) {
      const value = gain.scale * (gains.get(gain.block) ?? 1);
      if (value === gain.written) continue;
      this.context.device.queue.writeBuffer(this.compiled.uniforms, gain.offset, Float32Array.of(value));
      gain.written = value;
    }
  }

  private upload(value: Value, data: Float32Array): void {
    const stored = storedChannels(value.channels);
    let source = data as Float32Array<ArrayBuffer>;
    if (stored !== value.channels) {
      source = this.staged.subarray(0, valueSize(value) * this.compiled.batch);
      for (let from = 0, to = 0; from < data.length; from += value.channels, to += stored)
        for (let c = 0; c < stored; c++) source[to + c] = c < value.channels ? data[from + c]! : 0;
    }
    this.context.device.queue.writeBuffer(this.compiled.inputs.get(value)!, 0, source);
  }

  private submit(): void {
    const { device } = this.context;
    const { encoded } = this.compiled;
    const parts = this.splitting ? Math.max(1, Math.round(this.lastMs / SUBMISSION_MS)) : 1;
    const share = Math.ceil(encoded.length / parts);
    for (let from = 0; from < encoded.length; from += share) {
      const encoder = device.createCommandEncoder();
      const pass = encoder.beginComputePass();
      let current: GPUComputePipeline | null = null;
      for (let i = from; i < Math.min(from + share, encoded.length); i++) {
        const { pipeline, group, grid } = encoded[i]!;
        if (pipeline !== current) {
          pass.setPipeline(pipeline);
          current = pipeline;
        }
        pass.setBindGroup(0, group);
        pass.dispatchWorkgroups(...grid);
      }
      pass.end();
      if (from + share >= encoded.length) this.copyOutputs(encoder);
      device.queue.submit([encoder.finish()]);
    }
  }

  private copyOutputs(encoder: GPUCommandEncoder): void {
    let at = 0;
    const { results, staging } = this.compiled;
    for (const { buffer, bytes } of results.values()) {
      encoder.copyBufferToBuffer(buffer, 0, staging, at, bytes);
      at += bytes;
    }
  }
}

/** Packs the uniforms of all dispatches, each at an offset that a binding may begin at, and uploads them. */
function uploadUniforms({ device, memory }: GpuContext, dispatches: readonly Dispatch[]): PackedUniforms {
  const { UNIFORM, COPY_DST } = GPUBufferUsage;
  const step = device.limits.minUniformBufferOffsetAlignment;
  const packed = dispatches.map((d) => packUniforms(d.kernel, d.uniforms));
  const offsets: number[] = [];
  let size = 0;
  for (const { byteLength } of packed) {
    offsets.push(size);
    size += Math.ceil(byteLength / step) * step;
  }
  const buffer = memory.buffer('transfer', size, UNIFORM | COPY_DST);
  const all = new Uint8Array(size);
  for (const [i, bytes] of packed.entries()) all.set(new Uint8Array(bytes), offsets[i]!);
  device.queue.writeBuffer(buffer, 0, all);
  return { buffer, offsets, sizes: packed.map(({ byteLength }) => byteLength) };
}

/** Binds the operands of every dispatch, in the order of its kernel's bindings, and its uniforms after them. */
function encode(
  { device, pipelines }: GpuContext,
  dispatches: readonly Dispatch[],
  uniforms: PackedUniforms,
  weights: GpuWeights,
  slot: (scratch: Scratch) => GPUBuffer,
): Encoded[] {
  const nothing = weights.get({ key: 'nothing', bytes: 16, pack: () => new Float32Array(4) });
  const resource = (operand: Operand): GPUBufferBinding => {
    if (operand === 'nothing') return { buffer: nothing };
    if ('weight' in operand) return { buffer: weights.get(operand.weight) };
    return { buffer: slot(operand.scratch), size: operand.scratch.bytes };
  };
  return dispatches.map(({ kernel, operands, grid }, i) => {
    const { pipeline, layout } = pipelines.get(kernel);
    const own = { buffer: uniforms.buffer, offset: uniforms.offsets[i]!, size: uniforms.sizes[i]! };
    const entries = [...operands.map(resource), own].map((bound, binding) => ({ binding, resource: bound }));
    return { pipeline, group: device.createBindGroup({ label: kernel.name, layout, entries }), grid };
  });
}

function resultsOf(
  plan: Plan,
  { outputIn, observedIn }: LoweredPlan,
  slot: (scratch: Scratch) => GPUBuffer,
): Map<string, Result> {
  const results = new Map<string, Result>();
  for (const [name, { value, channels }] of plan.outputs) {
    const scratch = outputIn.get(name)!;
    results.set(name, {
      buffer: slot(scratch),
      bytes: scratch.bytes,
      channels,
      qkv: value.attentionHeads > 0,
    });
  }
  for (const [name, scratch] of observedIn)
    results.set(name, { buffer: slot(scratch), bytes: scratch.bytes, channels: SQUARE_PARTS, qkv: false });
  return results;
}

function gainsOf(dispatches: readonly Dispatch[], { offsets }: PackedUniforms): Gain[] {
  return dispatches.flatMap(({ kernel, uniforms: { scaleF }, gain }, i): Gain[] => {
    const offset = offsets[i]! + 4 * kernel.uniforms.indexOf('scaleF');
    return gain ? [{ block: gain, offset, scale: scaleF!, written: scaleF! }] : [];
  });
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
