import type { GpuContext } from '../../../../gpu/context';
import { KernelRefused } from '../../../../gpu/pipelines';
import type { KernelTraits } from '../../../../gpu/traits';
import type { TrainingDtype } from '../../../../lib/backends';
import { InnateError, OutOfMemory } from '../../../../lib/errors';
import type { Node } from '../../graph';
import { type ExecutedPrecision, type IterationExecutor, type RecordedStep, Unplanned } from '../executor';
import { type BoundStep, DeviceMemory, encode } from './allocate';
import type { View } from './program';
import type { SharedState } from './site';
import { StepProgram } from './step';

/**
 * Bytes that steps may take where nobody says. WebGPU tells nobody how much memory there is: this is what a card of 8 GB leaves
 * beside a desktop, and what has less says so when memory ends.
 */
const BUDGET = 6e9;

/** Submits of a step on a software adapter, whose long ones would make a page stutter; hardware takes one, and so do few calls. */
const SOFTWARE_SUBMITS = 4;
const FEW_CALLS = 32;

/** Neither as float32 nor as two halves. */
const NOT_A_NUMBER = 0x7fff7fff;

/** Figures of a step. */
export interface StepCost {
  dispatches: number;
  submits: number;
}

/**
 * Recorded steps on WebGPU: state and memory planned by lifetimes, with bind groups and uniforms made once. A step uploads
 * its inputs, submits a few command buffers, and its reports are read back while the next one may run.
 */
export class WebGpuIterations implements IterationExecutor {
  private readonly memory: DeviceMemory;
  private readonly steps = new Map<string, BoundStep>();
  private readonly state: SharedState = {
    leaves: new Map(),
    gradients: new Map(),
    filters: new Map(),
  };
  /** Which step knows how a leaf lies. */
  private readonly owners = new Map<string, { step: BoundStep; node: Node }>();
  private waiting: (() => void)[] = [];
  /** State was written since what is made of it. */
  private stale = false;
  /** The form of the kernels that the first step was compiled in. */
  private traits: KernelTraits;
  private computed: ExecutedPrecision;

  /** `label`: the adapter's name, for people; `dtype`: what it is asked to compute in. */
  constructor(
    private readonly context: GpuContext,
    readonly label: string,
    dtype: TrainingDtype = 'f32',
    /** Bytes that it may hold. */
    readonly budget: number = BUDGET,
  ) {
    this.memory = new DeviceMemory(context);
    this.traits = context.traits;
    const lacks = dtype === 'f16' && !context.device.features.has('shader-f16');
    this.computed = lacks
      ? { dtype: 'f32', instead: 'float16 needs shader-f16, which this adapter lacks' }
      : { dtype, instead: null };
  }

  get precision(): ExecutedPrecision {
    return this.computed;
  }

  get bytes(): number {
    return this.memory.bytes;
  }

  cost(name: string): StepCost {
    const dispatches = this.step(name).encoded.length;
    return { dispatches, submits: this.submits(dispatches) };
  }

  measure(step: RecordedStep): number {
    return this.memory.measure(this.program(step));
  }

  async prepare(name: string, step: RecordedStep): Promise<void> {
    try {
      this.add(name, await this.bound(await this.compiled(step)));
    } catch (error) {
      if (error instanceof KernelRefused) throw new Unplanned('this step', error.describe());
      throw error;
    }
  }

  /** A step in the form that its kernels are taken in. One refused in mixed precision is compiled in float32, and so are those after it. */
  private async compiled(step: RecordedStep): Promise<StepProgram> {
    if (this.computed.dtype === 'f16')
      try {
        return await this.attempt(step, this.traits);
      } catch (error) {
        if (!(error instanceof KernelRefused)) throw error;
        this.computed = { dtype: 'f32', instead: `a float16 kernel was refused, ${error.reason}` };
      }
    return this.context.inSomeForm((traits) => this.attempt(step, traits), this.traits);
  }

  private async attempt(step: RecordedStep, traits: KernelTraits): Promise<StepProgram> {
    this.traits = traits;
    const made = this.program(step);
    const { setup, calls } = made.site.program;
    await this.context.pipelines.prepare([...setup, ...calls].map(({ kernel }) => kernel));
    return made;
  }

  private program(step: RecordedStep): StepProgram {
    const { traits, state } = this;
    const { software } = this.context;
    const { maxBinding } = this.memory;
    const mixed = this.computed.dtype === 'f16';
    return new StepProgram(step, { traits, software, maxBinding, mixed }, state);
  }

  names(): Iterable<string> {
    return this.owners.keys();
  }

  async read(name: string): Promise<Float32Array> {
    const { device, memory } = this.context;
    const { step, node } = this.owner(name);
    const { site } = step.program;
    const view = site.view(node);
    const { buffer, offset } = placeOf(step, view);
    const { MAP_READ, COPY_DST } = GPUBufferUsage;
    const staging = memory.buffer('transfer', view.bytes, MAP_READ | COPY_DST);
    try {
      const encoder = device.createCommandEncoder();
      encoder.copyBufferToBuffer(buffer, offset, staging, 0, view.bytes);
      device.queue.submit([encoder.finish()]);
      await staging.mapAsync(GPUMapMode.READ);
      return Float32Array.from(site.load(node, new Float32Array(staging.getMappedRange())));
    } finally {
      memory.release('transfer', staging);
    }
  }

  write(name: string, values: ArrayLike<number>): void {
    const { step, node } = this.owner(name);
    this.upload(step, node, values);
    this.stale = true;
  }

  /** The next step may be begun before this one's reports are there; at most a few are under way at one time. */
  async run(name: string, inputs: ReadonlyMap<string, ArrayLike<number>>): Promise<Map<string, number>> {
    const step = this.step(name);
    return step.program.reported(await this.readBack(step, inputs));
  }

  async compute(
    name: string,
    inputs: ReadonlyMap<string, ArrayLike<number>>,
  ): Promise<Map<string, Float32Array<ArrayBuffer>>> {
    const step = this.step(name);
    return step.program.given(await this.readBack(step, inputs));
  }

  private async readBack(
    step: BoundStep,
    inputs: ReadonlyMap<string, ArrayLike<number>>,
  ): Promise<Float32Array> {
    for (const input of step.program.inputs.keys())
      if (!inputs.has(input))
        throw new InnateError('mismatch', 'an input of the step is missing', { where: input });
    while (step.staging.length === 0) await new Promise<void>((resolve) => this.waiting.push(resolve));
    const staging = step.staging.pop()!;
    for (const [input, node] of step.program.inputs) this.upload(step, node, inputs.get(input)!);
    if (this.stale) this.setUp();
    this.submit(step, staging);
    await staging.mapAsync(GPUMapMode.READ);
    const values = new Float32Array(staging.getMappedRange()).slice();
    staging.unmap();
    step.staging.push(staging);
    this.waiting.shift()?.();
    return values;
  }

  /** Fills all memory that does not outlive a step, and all gradients, with NaN: whatever a kernel fails to write shows. */
  poison(): void {
    const { queue } = this.context.device;
    const fill = (buffer: GPUBuffer, offset: number, bytes: number) =>
      queue.writeBuffer(buffer, offset, new Uint32Array(bytes / 4).fill(NOT_A_NUMBER));
    for (const step of this.steps.values()) {
      for (const bank of step.banks) fill(bank, 0, bank.size);
      for (const view of step.program.site.panels.gradients) {
        const { buffer, offset } = placeOf(step, view);
        fill(buffer, offset, view.bytes);
      }
    }
  }

  dispose(): void {
    this.memory.dispose();
    this.steps.clear();
    this.owners.clear();
  }

  /**
   * Gives a step memory. Throws `OutOfMemory` where the device has too little: what is then bound is no valid buffer, which the
   * device reports too and which says nothing more.
   */
  private async bound(program: StepProgram): Promise<BoundStep> {
    const { device } = this.context;
    device.pushErrorScope('validation');
    device.pushErrorScope('out-of-memory');
    let reported: Promise<[GPUError | null, GPUError | null]>;
    let step: BoundStep;
    try {
      step = this.memory.bind(program);
    } finally {
      reported = Promise.all([device.popErrorScope(), device.popErrorScope()]);
    }
    const [lacking, invalid] = await reported;
    if (lacking) throw new OutOfMemory('backend', 'the GPU is out of memory', { found: lacking.message });
    if (invalid) throw new InnateError('backend', 'a training step is not valid', { found: invalid.message });
    return step;
  }

  private add(name: string, step: BoundStep): void {
    this.steps.set(name, step);
    const { leaves, gradients, filters } = step.program.shared();
    for (const [leaf, place] of leaves) if (!this.state.leaves.has(leaf)) this.state.leaves.set(leaf, place);
    for (const [parameters, room] of gradients) this.state.gradients.set(parameters, room);
    for (const [key, view] of filters) this.state.filters.set(key, view);
    this.stale = true;
    for (const [leaf, node] of step.program.leaves)
      if (!this.owners.has(leaf)) this.owners.set(leaf, { step, node });
  }

  private step(name: string): BoundStep {
    const step = this.steps.get(name);
    if (!step) throw new InnateError('bad-argument', 'no such step was prepared', { found: name });
    return step;
  }

  private owner(name: string): { step: BoundStep; node: Node } {
    const owner = this.owners.get(name);
    if (!owner) throw new InnateError('bad-argument', 'the steps have no such state', { found: name });
    return owner;
  }

  private upload(step: BoundStep, node: Node, values: ArrayLike<number>): void {
    const { site } = step.program;
    const { buffer, offset } = placeOf(step, site.view(node));
    this.context.device.queue.writeBuffer(buffer, offset, site.store(node, values));
  }

  /** Makes anew what is made of frozen state. */
  private setUp(): void {
    const { device } = this.context;
    const encoder = device.createCommandEncoder();
    for (const { setup } of this.steps.values()) encode(encoder, setup);
    device.queue.submit([encoder.finish()]);
    this.stale = false;
  }

  private submits(dispatches: number): number {
    return this.context.software && dispatches > FEW_CALLS ? SOFTWARE_SUBMITS : 1;
  }

  private submit(step: BoundStep, staging: GPUBuffer): void {
    const { device } = this.context;
    const { encoded, program } = step;
    const share = Math.ceil(encoded.length / this.submits(encoded.length));
    for (let from = 0; from < encoded.length; from += share) {
      const encoder = device.createCommandEncoder();
      encode(encoder, encoded.slice(from, from + share));
      if (from + share >= encoded.length) {
        for (const { from: source, to } of program.copies) {
          const [a, b] = [placeOf(step, source), placeOf(step, to)];
          encoder.copyBufferToBuffer(a.buffer, a.offset, b.buffer, b.offset, to.bytes);
        }
        for (const { view, at } of program.reads) {
          const { buffer, offset } = placeOf(step, view);
          encoder.copyBufferToBuffer(buffer, offset, staging, at, view.bytes);
        }
      }
      device.queue.submit([encoder.finish()]);
    }
  }
}

function placeOf({ buffers }: BoundStep, { room, offset }: View): { buffer: GPUBuffer; offset: number } {
  const found = buffers.get(room)!;
  return { buffer: found.buffer, offset: found.offset + offset };
}
