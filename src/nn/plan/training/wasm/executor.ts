import { WASM_TRAINING_BYTES } from '../../../../lib/backends';
import { InnateError, OutOfMemory } from '../../../../lib/errors';
import { type RuntimeOptions, SimdRuntime } from '../../../../simd/runtime';
import * as trainingKernels from '../../../../simd/training-kernels';
import type { Node } from '../../graph';
import type { ExecutedPrecision, IterationExecutor, RecordedStep } from '../executor';
import { callsOf, type Segment, StepProgram } from './program';
import type { SharedForms, SharedState } from './site';

/** What the kernels can address, less what they read past the end. */
const ADDRESSABLE = 2 ** 32 - 2 ** 16;

/**
 * Recorded steps on the kernels of src/simd: one memory holds state, what is made of frozen parameters, and an arena
 * planned by lifetimes; nothing is allocated after `prepare`. Calls block their thread: use it in a worker, or in Node.
 */
export class WasmIterations implements IterationExecutor {
  private runtime: SimdRuntime | null = null;
  /** Kernel calls that the runtime takes at once. */
  private longest = 0;
  private readonly programs = new Map<string, StepProgram>();
  private readonly state: SharedState = new Map();
  /** What is made of frozen parameters, by what it is: the steps share it. */
  private readonly forms: SharedForms = new Map();
  /** Whether state was written since that was made. */
  private stale = true;
  /** Which step knows how a leaf lies. */
  private readonly owners = new Map<string, { program: StepProgram; node: Node }>();
  /** What lives within a run, which the steps share; it lies behind all that is kept, and moves up where a step keeps more. */
  private arena = { from: 0, bytes: 0 };
  private end = 0;
  readonly budget: number;

  readonly precision: ExecutedPrecision = { dtype: 'f32', instead: 'WebAssembly has no float16' };

  constructor(private readonly options: RuntimeOptions & { budget?: number }) {
    this.budget = options.budget ?? WASM_TRAINING_BYTES;
  }

  get label(): string {
    const { threads } = this;
    return `${threads} thread${threads === 1 ? '' : 's'} of WebAssembly`;
  }

  get threads(): number {
    return this.runtime?.threads ?? this.options.threads;
  }

  get bytes(): number {
    return this.runtime?.memory.buffer.byteLength ?? 0;
  }

  /** Kernel calls of a step. */
  calls(name: string): number {
    return this.program(name).written.step.reduce((sum, segment) => sum + callsOf(segment), 0);
  }

  measure(step: RecordedStep): number {
    return this.place(new StepProgram(step, this.state, new Map(this.forms)), this.arena.from).end;
  }

  async prepare(name: string, step: RecordedStep): Promise<void> {
    const program = new StepProgram(step, this.state, this.forms);
    const runtime = await this.started(program);
    const free = this.arena.from || runtime.dataStart;
    const { arena, end } = this.place(program, free);
    program.write(runtime.threads, this.longest);
    const bytes = runtime.bytesFor({ end, scratchBytes: program.scratchBytes });
    if (bytes > ADDRESSABLE)
      throw new OutOfMemory('backend', 'out of memory', {
        expected: 'less than 4.3 GB of WebAssembly memory',
        found: `${(bytes / 1e9).toFixed(1)} GB for ${step.batch} images at once`,
        hint: 'Use a smaller batch, or take it in parts',
      });
    runtime.ensure(bytes);
    const memory = runtime.memory.buffer;
    new Uint8Array(memory).fill(0, free, arena.from); // what lived within a run lay there, or threads' scratch
    program.fill(memory);
    for (const other of this.programs.values()) {
      other.placeArena(arena.from);
      other.write(runtime.threads, this.longest);
      other.fill(memory);
    }
    this.arena = arena;
    this.end = end;
    this.programs.set(name, program);
    this.stale = true;
    for (const [leaf, place] of program.shared()) if (!this.state.has(leaf)) this.state.set(leaf, place);
    for (const [leaf, node] of program.leaves)
      if (!this.owners.has(leaf)) this.owners.set(leaf, { program, node });
  }

  /** Gives a step its addresses: what it keeps from `free` on, then what lives within a run, as much as any step asks for. */
  private place(program: StepProgram, free: number) {
    const from = program.placeKept(free);
    const bytes = Math.max(this.arena.bytes, program.arenaBytes());
    program.placeArena(from);
    return { arena: { from, bytes }, end: from + bytes };
  }

  names(): Iterable<string> {
    return this.owners.keys();
  }

  async read(name: string): Promise<Float32Array> {
    const { program, node } = this.owner(name);
    return program.read(this.memory, node);
  }

  write(name: string, values: ArrayLike<number>): void {
    const { program, node } = this.owner(name);
    program.store(this.memory, node, values);
    this.stale = true;
  }

  async run(name: string, inputs: ReadonlyMap<string, ArrayLike<number>>): Promise<Map<string, number>> {
    return this.executed(name, inputs).reported(this.memory);
  }

  async compute(
    name: string,
    inputs: ReadonlyMap<string, ArrayLike<number>>,
  ): Promise<Map<string, Float32Array<ArrayBuffer>>> {
    return this.executed(name, inputs).given(this.memory);
  }

  private executed(name: string, inputs: ReadonlyMap<string, ArrayLike<number>>): StepProgram {
    const program = this.program(name);
    if (this.stale) for (const { written } of this.programs.values()) this.execute(written.setup);
    this.stale = false;
    for (const [input, node] of program.inputs) {
      const values = inputs.get(input);
      if (!values) throw new InnateError('mismatch', 'an input of the step is missing', { where: input });
      program.store(this.memory, node, values);
    }
    program.fillNumbers(this.memory);
    this.execute(program.written.step);
    return program;
  }

  dispose(): void {
    this.runtime?.dispose();
    this.runtime = null;
    this.programs.clear();
  }

  /** The runtime, which the first step starts: its calls decide how many can run at once. */
  private async started(program: StepProgram): Promise<SimdRuntime> {
    if (!this.runtime) {
      program.write(this.options.threads);
      this.longest = program.longest;
      this.runtime = await SimdRuntime.start(this.longest, { ...this.options, kernels: trainingKernels });
    }
    return this.runtime;
  }

  private get memory(): ArrayBufferLike {
    return this.runtime!.memory.buffer;
  }

  private program(name: string): StepProgram {
    const program = this.programs.get(name);
    if (!program) throw new InnateError('bad-argument', 'no such step was prepared', { found: name });
    return program;
  }

  private owner(name: string): { program: StepProgram; node: Node } {
    const owner = this.owners.get(name);
    if (!owner) throw new InnateError('bad-argument', 'the steps have no such state', { found: name });
    return owner;
  }

  private execute(calls: readonly Segment[]): void {
    for (const segment of calls) {
      if ('host' in segment) segment.host(this.memory);
      else this.runtime!.run({ ...segment, end: this.end });
    }
  }
}
