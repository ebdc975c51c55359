import { InnateError, OutOfMemory } from '../../../lib/errors';
import { type RuntimeOptions, SimdRuntime } from '../../../simd/runtime';
import type { WeightSource } from '../../weights';
import type { OpenNetwork, PlanExecutor, PlannedNetwork } from '../executor';
import { interleaveQkv } from '../qkv';
import { type ConvStep, type Plan, storedChannels, type Value } from '../steps';
import { type ConvForm, chooseForms } from './forms';
import { PackedNetwork } from './packed-network';
import { stepCalls, type WasmProgram, wasmProgram } from './program';

export interface WasmOptions extends RuntimeOptions {
  /** Bytes of packed weights at most; larger networks are refused as `unsupported`. */
  budget?: number;
  /** Overrides the choice of each convolution's form. */
  form?: (step: ConvStep) => ConvForm;
}

/** Networks on WebAssembly SIMD. Calls block their thread while the kernels run: use it in a worker, or in Node. */
export const openWasm =
  (options: WasmOptions): OpenNetwork =>
  (whole, weights) =>
    WasmNetwork.open(whole, weights, options);

/** One memory: control block and program, packed weights, then the activations of whichever executor runs. */
export class WasmNetwork implements PlannedNetwork {
  private constructor(
    readonly packed: PackedNetwork,
    readonly runtime: SimdRuntime,
  ) {}

  static async open(whole: Plan, weights: WeightSource, options: WasmOptions): Promise<WasmNetwork> {
    checkPlan(whole);
    const forms = chooseForms(whole, options.budget ?? Number.POSITIVE_INFINITY);
    const packed = new PackedNetwork(whole, weights, options.form ?? ((step) => forms.get(step)!));
    return new WasmNetwork(packed, await SimdRuntime.start(MORE_CALLS * calls(whole), options));
  }

  get bytes(): number {
    return this.runtime.memory.buffer.byteLength;
  }

  get threads(): number {
    return this.runtime.threads;
  }

  /** Address of the packed parameters. */
  get weights(): number {
    return align(this.runtime.dataStart);
  }

  /** Address of the activations. */
  get arena(): number {
    return align(this.weights + this.packed.bytes);
  }

  async prepare(plan: Plan, batch: number): Promise<PlanExecutor> {
    const { runtime, packed, threads, weights, arena } = this;
    checkPlan(plan);
    const program = wasmProgram(plan, packed, batch, { threads, weights, arena });
    const end = arena + program.arenaBytes;
    if (end + threads * program.scratchBytes > 2 ** 32 - 2 ** 16)
      throw new OutOfMemory('backend', 'out of memory', {
        expected: 'less than 4 GB of WebAssembly memory',
        hint: 'Use a smaller batch',
      });
    runtime.ensure(end + threads * program.scratchBytes);
    packed.pack(plan, runtime.memory.buffer, weights);
    return new WasmExecutor(this, plan, program, batch);
  }

  dispose(): void {
    this.runtime.dispose();
  }
}

const calls = (plan: Plan): number => plan.steps.reduce((sum, step) => sum + stepCalls(step), 0);

/**
 * Room in the program for values that are looked at: each takes at most one call more than the fused plan, whose
 * norms and convolutions, one call or two each, are what there is to look at.
 */
const MORE_CALLS = 2;

class WasmExecutor implements PlanExecutor {
  /** The memory is the network's; every executor uses the same part of it. */
  readonly bytes = 0;

  constructor(
    private readonly network: WasmNetwork,
    private readonly plan: Plan,
    private readonly program: WasmProgram,
    private readonly batch: number,
  ) {}

  async run(
    inputs: ReadonlyMap<string, Float32Array>,
    gains: ReadonlyMap<string, number> = new Map(),
  ): Promise<ReadonlyMap<string, Float32Array>> {
    const { network, plan, program, batch } = this;
    const { runtime, arena } = network;
    for (const [name, value] of plan.inputs) {
      const values = inputs.get(name);
      if (!values || values.length !== batch * rows(value) * value.channels)
        throw new InnateError('mismatch', 'an input does not fit the plan', {
          where: name,
          expected: `${batch * rows(value) * value.channels} values`,
          found: String(values?.length ?? 'none'),
        });
      const stored = storedChannels(value.channels);
      copyChannels(values, value.channels, this.view(value), stored, value.channels);
    }
    const { records, arenaBytes, scratchBytes } = program;
    const fields = new DataView(records.buffer);
    for (const { block, at, scale } of program.gains)
      fields.setFloat32(at, scale * (gains.get(block) ?? 1), true);
    runtime.run({ records, end: arena + arenaBytes, scratchBytes });
    const results = new Map<string, Float32Array>();
    for (const [name, { value, offset, channels }] of plan.outputs) {
      const result = new Float32Array(batch * rows(value) * channels);
      const from = this.view(value).subarray(offset);
      copyChannels(from, storedChannels(value.channels), result, channels, channels);
      results.set(name, value.attentionHeads ? interleaveQkv(result, channels) : result);
    }
    // Still in memory: stored zeros of padded channels add nothing.
    for (const [name, value] of plan.observed) results.set(name, sumsOfSquares(this.view(value), batch));
    return results;
  }

  dispose(): void {}

  private view(value: Value): Float32Array {
    const { addresses } = this.program;
    const { buffer } = this.network.runtime.memory;
    return new Float32Array(
      buffer,
      addresses.get(value)!,
      this.batch * rows(value) * storedChannels(value.channels),
    );
  }
}

/** The sum of squares of each of `images` equal shares: [N]. */
function sumsOfSquares(values: Float32Array, images: number): Float32Array {
  const size = values.length / images;
  return Float32Array.from({ length: images }, (_, n) => {
    let sum = 0;
    for (let i = n * size; i < (n + 1) * size; i++) sum += values[i]! * values[i]!;
    return sum;
  });
}

const align = (bytes: number): number => Math.ceil(bytes / 64) * 64;

/** Pixels of an image, 1 for vectors. */
const rows = ({ kind, height, width }: Value): number => (kind === 'map' ? height * width : 1);

/** `count` channels of every row, from rows of `fromChannels` to rows of `toChannels`, zeros where there are more. */
function copyChannels(
  from: Float32Array,
  fromChannels: number,
  to: Float32Array,
  toChannels: number,
  count: number,
): void {
  if (fromChannels === toChannels) {
    to.set(from);
    return;
  }
  for (let row = 0, at = 0; at < to.length; row++, at += toChannels) {
    for (let c = 0; c < count; c++) to[at + c] = from[row * fromChannels + c]!;
    for (let c = count; c < toChannels; c++) to[at + c] = 0;
  }
}

/** What the kernels take for granted: joined and normalised maps without padding, q, k and v for attention alone. */
function checkPlan(plan: Plan): void {
  const refuse = (found: string): never => {
    throw new InnateError('unsupported', 'this network cannot be planned', { found });
  };
  for (const step of plan.steps) {
    const sources =
      step.kind === 'linear' || step.kind === 'attention' || step.kind === 'resample' ? [] : step.sources;
    if (sources.length > 2) refuse('more than two joined maps');
    if ((sources.length > 1 || step.kind === 'norm') && sources.some((s) => s.channels % 4 !== 0))
      refuse('joined or normalised channels that are not a multiple of 4');
    if (step.kind === 'attention') continue;
    if (sources.some((s) => s.attentionHeads > 0)) refuse('q, k and v read by another layer');
    if (
      step.out.attentionHeads > 0 &&
      (step.kind !== 'conv' || step.epilogue.residual || step.epilogue.vector)
    )
      refuse('q, k and v that are not a plain convolution');
  }
}
