import { InnateError } from '../../lib/errors';
import { type RuntimeOptions, SimdRuntime } from '../../simd/runtime';
import type { WeightSource } from '../weights';
import type { OpenPlan, PlanExecutor, PlannedNetwork } from './executor';
import type { ConvStep } from './steps';
import { type Plan, storedChannels, type Value } from './steps';
import { type ConvForm, chooseForms } from './wasm-forms';
import { attentionOrder, PackedNetwork } from './wasm-network';
import { stepCalls, type WasmProgram, wasmProgram } from './wasm-program';

export interface WasmOptions extends RuntimeOptions {
  /** Bytes of packed weights at most; larger networks are refused as `unsupported`. */
  budget?: number;
  /** Overrides the choice of each convolution's form. */
  form?: (step: ConvStep) => ConvForm;
}

/** Plans on WebAssembly SIMD. Calls block their thread while the kernels run: use it in a worker, or in Node. */
export const openWasm =
  (options: WasmOptions): OpenPlan =>
  (plan, weights) =>
    WasmNetwork.open(plan, weights, options);

/** One memory: control block and program, packed weights, then the activations of whichever executor runs. */
export class WasmNetwork implements PlannedNetwork {
  private constructor(
    readonly plan: Plan,
    readonly packed: PackedNetwork,
    readonly runtime: SimdRuntime,
  ) {}

  static async open(plan: Plan, weights: WeightSource, options: WasmOptions): Promise<WasmNetwork> {
    checkPlan(plan);
    const forms = chooseForms(plan, options.budget ?? Number.POSITIVE_INFINITY);
    const packed = new PackedNetwork(plan, weights, options.form ?? ((step) => forms.get(step)!));
    const calls = plan.steps.reduce((sum, step) => sum + stepCalls(step), 0);
    const runtime = await SimdRuntime.start(calls, options);
    try {
      const network = new WasmNetwork(plan, packed, runtime);
      runtime.ensure(network.arena);
      packed.write(runtime.memory.buffer, network.weights);
      return network;
    } catch (error) {
      runtime.dispose();
      throw error;
    }
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

  async prepare(batch: number): Promise<PlanExecutor> {
    const { plan, packed, threads, weights, arena } = this;
    const program = wasmProgram(plan, packed, batch, { threads, weights, arena });
    const end = arena + program.arenaBytes;
    if (end + threads * program.scratchBytes > 2 ** 32 - 2 ** 16)
      throw new InnateError('backend', 'out of memory', {
        expected: 'less than 4 GB of WebAssembly memory',
        hint: 'Use a smaller batch',
      });
    this.runtime.ensure(end + threads * program.scratchBytes);
    return new WasmExecutor(this, program, batch);
  }

  dispose(): void {
    this.runtime.dispose();
  }
}

class WasmExecutor implements PlanExecutor {
  /** The memory is the network's; every executor uses the same part of it. */
  readonly bytes = 0;

  constructor(
    private readonly network: WasmNetwork,
    private readonly program: WasmProgram,
    private readonly batch: number,
  ) {}

  async run(inputs: ReadonlyMap<string, Float32Array>): Promise<ReadonlyMap<string, Float32Array>> {
    const { network, program, batch } = this;
    const { plan, runtime, arena } = network;
    for (const [name, value] of plan.inputs) {
      const values = inputs.get(name);
      if (!values || values.length !== batch * rows(value) * value.channels)
        throw new InnateError('mismatch', 'an input does not fit the plan', {
          where: name,
          expected: `${batch * rows(value) * value.channels} values`,
          found: String(values?.length ?? 'none'),
        });
      copyChannels(values, value.channels, this.view(value), storedChannels(value.channels));
    }
    const { records, arenaBytes, scratchBytes } = program;
    runtime.run({ records, end: arena + arenaBytes, scratchBytes });
    const results = new Map<string, Float32Array>();
    for (const [name, value] of plan.outputs) {
      const result = new Float32Array(batch * rows(value) * value.channels);
      copyChannels(this.view(value), storedChannels(value.channels), result, value.channels);
      const heads = plan.steps.find((s) => s.kind === 'attention' && s.qkv === value);
      results.set(name, heads?.kind === 'attention' ? interleave(result, value, heads.heads) : result);
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

/** [N] of N equal shares. */
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

/** From rows of `fromChannels` to rows of `toChannels`, zeros where there are more. */
function copyChannels(from: Float32Array, fromChannels: number, to: Float32Array, toChannels: number): void {
  if (fromChannels === toChannels) {
    to.set(from);
    return;
  }
  const shared = Math.min(fromChannels, toChannels);
  const count = from.length / fromChannels;
  for (let row = 0; row < count; row++) {
    for (let c = 0; c < shared; c++) to[row * toChannels + c] = from[row * fromChannels + c]!;
    for (let c = shared; c < toChannels; c++) to[row * toChannels + c] = 0;
  }
}

/** From the kernels' order of q, k and v to the network's. */
function interleave(values: Float32Array, { channels }: Value, heads: number): Float32Array {
  const order = attentionOrder(channels, heads);
  const result = new Float32Array(values.length);
  for (let row = 0; row < values.length; row += channels)
    for (let i = 0; i < channels; i++) result[row + order[i]!] = values[row + i]!;
  return result;
}

/** What the kernels take for granted: joined and normalised maps without padding, q, k and v for attention alone. */
function checkPlan(plan: Plan): void {
  const refuse = (found: string): never => {
    throw new InnateError('unsupported', 'this network cannot be planned', { found });
  };
  const attended = new Set(plan.steps.flatMap((s) => (s.kind === 'attention' ? [s.qkv] : [])));
  for (const step of plan.steps) {
    const sources =
      step.kind === 'linear' || step.kind === 'attention' || step.kind === 'resample' ? [] : step.sources;
    if (sources.length > 2) refuse('more than two joined maps');
    if ((sources.length > 1 || step.kind === 'norm') && sources.some((s) => s.channels % 4 !== 0))
      refuse('joined or normalised channels that are not a multiple of 4');
    if (step.kind === 'attention') continue;
    if (sources.some((s) => attended.has(s))) refuse('q, k and v read by another layer');
    if (attended.has(step.out) && (step.kind !== 'conv' || step.epilogue.residual || step.epilogue.vector))
      refuse('q, k and v that are not a plain convolution');
  }
}
