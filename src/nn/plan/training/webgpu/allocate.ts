import type { GpuContext } from '../../../../gpu/context';
import { packUniforms } from '../../../../gpu/kernels/kernel';
import type { MemoryKind } from '../../../../gpu/memory';
import { type Banks, planBanks } from './banks';
import type { Call, Room, View } from './program';
import type { StepProgram } from './step';

/** Results of so many steps may be on their way at one time. */
const RING = 3;

/** A kernel call that is bound. */
export interface Encoded {
  pipeline: GPUComputePipeline;
  group: GPUBindGroup;
  grid: readonly [number, number, number];
}

/** A step on the device. */
export interface BoundStep {
  program: StepProgram;
  encoded: readonly Encoded[];
  /** What is made of frozen state. */
  setup: readonly Encoded[];
  buffers: ReadonlyMap<Room, { buffer: GPUBuffer; offset: number }>;
  /** Of those in which the step's values lie, some are another step's. */
  banks: readonly GPUBuffer[];
  staging: GPUBuffer[];
}

/** Memory of an executor on its device: what lasts by room, the banks that steps share, and everything that is to be freed. */
export class DeviceMemory {
  private readonly kept = new Map<Room, GPUBuffer>();
  private banks: GPUBuffer[] = [];
  private owned: { kind: MemoryKind; buffer: GPUBuffer }[] = [];

  constructor(private readonly context: GpuContext) {}

  get bytes(): number {
    return this.owned.reduce((sum, { buffer }) => sum + buffer.size, 0);
  }

  /** Bytes of the largest buffer that can be made and bound. */
  get maxBinding(): number {
    const { maxStorageBufferBindingSize, maxBufferSize } = this.context.device.limits;
    return Math.min(maxStorageBufferBindingSize, maxBufferSize);
  }

  /** Bytes that there would be with this step; infinitely many where the device cannot have its buffers. */
  measure(program: StepProgram): number {
    const missing = banksOf(program).sizes.filter((bytes, i) => bytes > (this.banks[i]?.size ?? 0));
    const kept = program.kept.filter((room) => !this.kept.has(room)).map(({ bytes }) => bytes);
    const all = [...missing, ...kept];
    return all.some((bytes) => bytes > this.maxBinding)
      ? Number.POSITIVE_INFINITY
      : all.reduce((sum, bytes) => sum + bytes, this.bytes);
  }

  /** Gives a step memory, and binds its calls. */
  bind(program: StepProgram): BoundStep {
    const { device } = this.context;
    const { STORAGE, COPY_SRC, COPY_DST, MAP_READ } = GPUBufferUsage;
    const usage = STORAGE | COPY_SRC | COPY_DST;
    const { calls, setup, tables } = program.site.program;
    const nothing = program.site.program.table(new Float32Array(4));
    const planned = banksOf(program);
    const banks = planned.sizes.map((bytes, i) => {
      const shared = this.banks[i];
      return shared && shared.size >= bytes ? shared : this.buffer('activations', bytes, usage);
    });
    this.banks = banks.map((bank, i) => ((this.banks[i]?.size ?? 0) > bank.size ? this.banks[i]! : bank));
    for (const room of program.kept)
      if (!this.kept.has(room)) this.kept.set(room, this.buffer('weights', room.bytes, usage));
    const buffers = new Map<Room, { buffer: GPUBuffer; offset: number }>();
    for (const [room, buffer] of this.kept) buffers.set(room, { buffer, offset: 0 });
    for (const [room, { bank, offset }] of planned.places)
      buffers.set(room, { buffer: banks[bank]!, offset });
    for (const { view, words } of tables) {
      const { buffer, offset } = buffers.get(view.room)!;
      device.queue.writeBuffer(buffer, offset + view.offset, words as Float32Array<ArrayBuffer>);
    }
    const encoded = this.encode(calls, buffers, nothing);
    const made = setup.length > 0 ? this.encode(setup, buffers, nothing) : [];
    const staging = Array.from({ length: RING }, () =>
      this.buffer('transfer', Math.max(16, program.readBytes), MAP_READ | COPY_DST),
    );
    return { program, encoded, setup: made, buffers, banks, staging };
  }

  /** Destroys all of it; what is on its way back fails. */
  dispose(): void {
    for (const { kind, buffer } of this.owned) this.context.memory.release(kind, buffer);
    this.owned = [];
    this.banks = [];
    this.kept.clear();
  }

  private buffer(kind: MemoryKind, bytes: number, usage: number): GPUBuffer {
    const buffer = this.context.memory.buffer(kind, bytes, usage);
    this.owned.push({ kind, buffer });
    return buffer;
  }

  /** Uniforms of all calls in one buffer, and the bind groups: operands in the order of the kernel's bindings. */
  private encode(calls: readonly Call[], buffers: BoundStep['buffers'], nothing: View): Encoded[] {
    const { device, pipelines } = this.context;
    const step = device.limits.minUniformBufferOffsetAlignment;
    const packed = calls.map(({ kernel, uniforms }) => packUniforms(kernel, uniforms));
    const offsets: number[] = [];
    let size = 0;
    for (const { byteLength } of packed) {
      offsets.push(size);
      size += Math.ceil(byteLength / step) * step;
    }
    const buffer = this.buffer('transfer', size, GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST);
    const bytes = new Uint8Array(size);
    for (const [i, part] of packed.entries()) bytes.set(new Uint8Array(part), offsets[i]!);
    device.queue.writeBuffer(buffer, 0, bytes);
    const resource = ({ room, offset, bytes: length }: View): GPUBufferBinding => {
      const place = buffers.get(room)!;
      return { buffer: place.buffer, offset: place.offset + offset, size: length };
    };
    return calls.map(({ kernel, operands, grid }, i) => {
      const { pipeline, layout } = pipelines.get(kernel);
      const own = { buffer, offset: offsets[i]!, size: packed[i]!.byteLength };
      const entries = [...operands.map((view) => resource(view ?? nothing)), own].map((bound, binding) => ({
        binding,
        resource: bound,
      }));
      return { pipeline, group: device.createBindGroup({ label: kernel.name, layout, entries }), grid };
    });
  }
}

/** Where a step's values lie that do not outlive it. */
function banksOf({ site, inputs, reads, copies }: StepProgram): Banks {
  const given = [...inputs.values()].map((node) => site.view(node));
  const read = [...reads.map(({ view }) => view), ...copies.map(({ from }) => from)];
  return planBanks(site.program.calls, given, read);
}

/** Encodes calls one after the other, in a pass of their own. */
export function encode(encoder: GPUCommandEncoder, calls: readonly Encoded[]): void {
  const pass = encoder.beginComputePass();
  let current: GPUComputePipeline | null = null;
  for (const { pipeline, group, grid } of calls) {
    if (pipeline !== current) pass.setPipeline(pipeline);
    current = pipeline;
    pass.setBindGroup(0, group);
    pass.dispatchWorkgroups(...grid);
  }
  pass.end();
}
