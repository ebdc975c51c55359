import * as record from '../../../simd/record';
import { type Buffer, lifetimes, placeBuffers } from '../arena';
import {
  type AttentionStep,
  type ConvStep,
  type Epilogue,
  type LinearStep,
  type NormStep,
  type Plan,
  type PointwiseStep,
  type Prologue,
  type ResampleStep,
  type Step,
  storedChannels,
  type Value,
  valueSize,
} from '../steps';
import type { PackedNetwork, StepWeights } from './packed-network';

/** A plan's steps as kernel calls for N images. */
export interface WasmProgram {
  records: Uint8Array;
  /** Bytes of activations, from `arena` on. */
  arenaBytes: number;
  scratchBytes: number;
  /** Address of a value. */
  addresses: ReadonlyMap<Value, number>;
  /** Where in `records` a block's gain goes, a float32 to be multiplied by `scale`. */
  gains: readonly { block: string; at: number; scale: number }[];
}

/** Kernel calls that a step takes. */
export const stepCalls = (step: Step): number => (step.kind === 'norm' || step.kind === 'attention' ? 2 : 1);

/** A norm's chunk of pixels stays in the first-level cache between its two passes. */
const CHUNK_VALUES = 6144;
/** A thread's scratch stays in the second-level cache. */
const SCRATCH_VALUES = 1 << 17;

/**
 * Writes the program of a plan. `weights` and `arena` are addresses. Work is cut into a few tasks a thread, so that
 * a thread that is held up does not hold up the others.
 */
export function wasmProgram(
  plan: Plan,
  network: PackedNetwork,
  batch: number,
  { threads, weights, arena }: { threads: number; weights: number; arena: number },
): WasmProgram {
  const { addresses, temporaries, bytes } = placeValues(plan, batch, arena);
  const writer = new ProgramWriter(plan, batch, threads, weights, addresses, temporaries);
  for (const step of plan.steps) writer.step(step, network.weights(step));
  const { records, scratchBytes, gains } = writer;
  return { records, arenaBytes: bytes, scratchBytes, addresses, gains };
}

function placeValues(plan: Plan, batch: number, arena: number) {
  const alive = [...lifetimes(plan)];
  const buffers: Buffer[] = alive.map(([value, span]) => ({ bytes: batch * valueSize(value) * 4, ...span }));
  const owners: Step[] = [];
  plan.steps.forEach((step, i) => {
    const bytes = 4 * batch * temporarySize(step);
    if (bytes === 0) return;
    owners.push(step);
    buffers.push({ bytes, first: i, last: i });
  });
  const { offsets, bytes } = placeBuffers(buffers);
  return {
    addresses: new Map(alive.map(([value], i) => [value, arena + offsets[i]!])),
    temporaries: new Map(owners.map((step, i) => [step, arena + offsets[alive.length + i]!])),
    bytes,
  };
}

/** Values a step keeps between its calls, for one image. */
function temporarySize(step: Step): number {
  if (step.kind === 'norm') return normChunks(step).chunks * valueSize(step.out);
  if (step.kind === 'attention') {
    const pixels = step.out.height * step.out.width;
    return Math.ceil(pixels / record.PANEL) * record.PANEL * step.out.channels;
  }
  return 0;
}

function normChunks({ sources, out }: NormStep): { chunk: number; chunks: number } {
  const pixels = sources[0]!.height * sources[0]!.width;
  const chunk = Math.max(8, Math.floor(CHUNK_VALUES / out.channels));
  return { chunk: Math.min(chunk, pixels), chunks: Math.ceil(pixels / chunk) };
}

class ProgramWriter {
  readonly records: Uint8Array;
  scratchBytes = 0;
  readonly gains: WasmProgram['gains'][number][] = [];
  private readonly view: DataView;
  private at = -record.RECORD_BYTES;

  constructor(
    plan: Plan,
    private readonly batch: number,
    private readonly threads: number,
    private readonly weights: number,
    private readonly addresses: ReadonlyMap<Value, number>,
    private readonly temporaries: ReadonlyMap<Step, number>,
  ) {
    const calls = plan.steps.reduce((sum, step) => sum + stepCalls(step), 0);
    this.records = new Uint8Array(calls * record.RECORD_BYTES);
    this.view = new DataView(this.records.buffer);
  }

  step(step: Step, weights: StepWeights): void {
    if (step.kind === 'attention') this.attention(step);
    else if (step.kind === 'norm') this.norm(step, weights);
    else if (step.kind === 'conv') this.conv(step, weights);
    else if (step.kind === 'linear') this.linear(step, weights);
    else if (step.kind === 'resample') this.resample(step, weights);
    else this.pointwise(step, weights);
  }

  private norm(step: NormStep, { weights, bias }: StepWeights): void {
    const { chunk, chunks } = normChunks(step);
    for (const [kernel, tasks] of [
      [record.NORM_CHUNKS, this.batch * chunks],
      [record.NORM_FINISH, this.batch * step.groups],
    ] as const) {
      this.call(kernel, tasks);
      this.sources(step.sources);
      this.put(record.PARTIALS, this.temporaries.get(step)!);
      this.put(record.CHUNK, chunk);
      this.put(record.CHUNKS, chunks);
    }
    this.put(record.GROUPS, step.groups);
    this.float(record.EPSILON, step.eps);
    this.put(record.WEIGHTS, this.weights + weights);
    this.put(record.BIAS, this.weights + bias!);
    this.vector(step.modulate);
    this.put(record.OUT, this.address(step.out));
  }

  private conv(step: ConvStep, weights: StepWeights): void {
    const { out, kernel, pad, epilogue } = step;
    const inputs = step.sources.reduce((sum, s) => sum + storedChannels(s.channels), 0);
    const columns = storedChannels(out.channels);
    if (weights.form === 'matrix') {
      const pixels = out.height * out.width;
      const rows = this.share(pixels, Math.max(16, Math.floor(SCRATCH_VALUES / inputs)), 16, 4, this.batch);
      this.call(record.MATRIX, 0);
      this.blocks(this.batch, pixels, rows, columns, 8);
      this.put(record.OUT_WIDTH, pixels);
      this.need(4 * columns);
    } else if (weights.form === 'direct') {
      const width = out.width + kernel - 1;
      const fit = Math.max(1, Math.floor(SCRATCH_VALUES / (width * inputs)) - kernel + 1);
      const rows = this.share(out.height, fit, Math.ceil(32 / out.width), 1, this.batch);
      this.call(record.CONV_DIRECT, 0);
      this.blocks(this.batch, out.height, rows, columns, 8);
      const strip = (rows + kernel - 1) * width * inputs;
      this.put(record.SCRATCH1, 4 * strip);
      this.need(4 * (strip + columns));
      this.put(record.OUT_WIDTH, out.width);
    } else {
      const tile = weights.form === 'winograd4' ? 4 : 2;
      const points = (tile + 2) ** 2;
      const across = Math.ceil(out.width / tile);
      const down = Math.ceil(out.height / tile);
      const fit = Math.max(1, Math.floor((2 * SCRATCH_VALUES) / (points * inputs * across)));
      // A task of few tiles uses a weight little; but with columns alone to share, many threads would idle.
      const enough = this.batch * Math.ceil(columns / record.WINOGRAD_COLUMNS) >= this.threads;
      const rows = this.share(down, fit, enough ? Math.ceil(16 / across) : 1, 1, this.batch);
      this.call(record.CONV_WINOGRAD, 0);
      this.blocks(this.batch, down, rows, columns, record.WINOGRAD_COLUMNS);
      const tiles = Math.ceil((rows * across) / 4) * 4;
      const strip = (rows * tile + 2) * (across * tile + 2) * inputs;
      this.put(record.MODE, tile);
      this.put(record.SCRATCH1, 4 * strip);
      this.put(record.SCRATCH2, 4 * (strip + points * tiles * inputs));
      this.need(4 * (strip + points * tiles * (inputs + record.WINOGRAD_COLUMNS) + columns));
      this.put(record.OUT_WIDTH, out.width);
    }
    this.put(record.KERNEL_SIZE, kernel);
    this.put(record.PAD, pad);
    this.put(record.WEIGHTS, this.weights + weights.weights);
    this.sources(step.sources);
    this.prologue(step.prologue);
    this.output(out, epilogue, weights);
  }

  private linear(step: LinearStep, { weights, bias }: StepWeights): void {
    const columns = storedChannels(step.out.channels);
    this.call(record.MATRIX, 0);
    this.blocks(1, this.batch, this.batch, columns, 8);
    this.put(record.OUT_WIDTH, this.batch);
    this.put(record.SOURCE0, this.address(step.input));
    this.put(record.CHANNELS0, storedChannels(step.input.channels));
    this.put(record.WEIGHTS, this.weights + weights);
    this.put(record.BIAS, this.weights + bias!);
    this.put(record.RESIDUAL, step.residual ? this.address(step.residual) : 0);
    this.float(record.SCALE, 1);
    this.put(record.OUT, this.address(step.out));
    this.put(record.OUT_CHANNELS, columns);
    this.put(record.MODE, step.silu ? 1 : 0);
    this.need(4 * columns);
  }

  private resample(step: ResampleStep, weights: StepWeights): void {
    const { out, source, taps, direction } = step;
    const up = direction === 'up';
    const channels = storedChannels(out.channels);
    const taller = (rows: number) => (up ? (rows >> 1) + taps.length : 2 * rows + taps.length);
    const width = up ? (out.width >> 1) + taps.length : 2 * out.width + taps.length;
    const fit = Math.max(1, Math.floor(SCRATCH_VALUES / (width * channels * (up ? 1 : 2))));
    const rows = this.share(out.height, fit, 1, up ? 2 : 1, this.batch);
    this.call(record.RESAMPLE, this.batch * Math.ceil(out.height / rows));
    this.put(record.ROWS, rows);
    this.put(record.ROW_BLOCKS, Math.ceil(out.height / rows));
    this.put(record.KERNEL_SIZE, taps.length);
    // Of the K - 1 zeros around a transposed convolution's input, the published padding crops half.
    this.put(record.PAD, up ? taps.length - 1 - ((taps.length - 1) >> 1) : step.pad);
    this.put(record.MODE, up ? 1 : 0);
    this.put(record.WEIGHTS, this.weights + weights.weights);
    const strip = taller(rows) * width * channels;
    this.put(record.SCRATCH1, 4 * strip);
    this.need(4 * (strip + channels));
    this.put(record.OUT_WIDTH, out.width);
    this.sources([source]);
    this.prologue(step.prologue);
    this.output(out, step.epilogue, weights);
  }

  private pointwise(step: PointwiseStep, weights: StepWeights): void {
    const { out } = step;
    const rows = this.share(out.height, out.height, 1, 1, this.batch);
    this.call(record.POINTWISE, this.batch * Math.ceil(out.height / rows));
    this.put(record.ROWS, rows);
    this.put(record.ROW_BLOCKS, Math.ceil(out.height / rows));
    this.need(4 * storedChannels(out.channels));
    this.put(record.OUT_WIDTH, out.width);
    this.sources(step.sources);
    this.prologue(step.prologue);
    this.output(out, step.epilogue, weights);
  }

  private attention(step: AttentionStep): void {
    const { out, heads, qkv } = step;
    const pixels = out.height * out.width;
    const stored = Math.ceil(pixels / record.PANEL) * record.PANEL;
    const rows = this.share(
      pixels,
      Math.max(4, Math.floor(SCRATCH_VALUES / stored)),
      16,
      4,
      this.batch * heads,
    );
    for (const [kernel, tasks] of [
      [record.ATTENTION_KEYS, this.batch * heads],
      [record.ATTENTION, this.batch * heads * Math.ceil(pixels / rows)],
    ] as const) {
      this.call(kernel, tasks);
      this.put(record.SOURCE0, this.address(qkv));
      this.put(record.KEYS, this.temporaries.get(step)!);
      this.put(record.HEADS, heads);
      this.put(record.OUT, this.address(out));
      this.put(record.OUT_CHANNELS, out.channels);
      this.put(record.OUT_WIDTH, pixels);
      this.float(record.SCALE, 1 / Math.sqrt(out.channels / heads));
    }
    this.put(record.ROWS, rows);
    this.put(record.ROW_BLOCKS, Math.ceil(pixels / rows));
    this.put(record.SCRATCH1, 4 * rows * stored);
    this.need(4 * (rows * stored + rows));
  }

  /**
   * Rows of a task: at most `fit`, at least `least` where there are so many, a multiple of `unit`, few enough for
   * some tasks a thread over `images`.
   */
  private share(rows: number, fit: number, least: number, unit: number, images: number): number {
    const wanted = Math.ceil((rows * images) / (this.threads * TASKS_A_THREAD));
    const chosen = Math.max(Math.min(fit, Math.max(wanted, least)), 1);
    // Blocks of equal size, so that the last is not a small rest.
    const even = Math.ceil(rows / Math.ceil(rows / Math.min(chosen, rows)));
    return Math.min(Math.ceil(even / unit) * unit, Math.max(unit, Math.floor(fit / unit) * unit));
  }

  /** Splits rows as told, and columns too where that leaves too few tasks. */
  private blocks(images: number, rows: number, rowsATask: number, columns: number, unit: number): void {
    const rowBlocks = Math.ceil(rows / rowsATask);
    const missing = Math.ceil((this.threads * TASKS_A_THREAD) / (images * rowBlocks));
    const split = this.threads === 1 ? 1 : Math.min(missing, Math.ceil(columns / unit));
    const columnsATask = Math.ceil(columns / split / unit) * unit;
    const columnBlocks = Math.ceil(columns / columnsATask);
    this.put(record.TASKS, images * rowBlocks * columnBlocks);
    this.put(record.ROWS, rowsATask);
    this.put(record.ROW_BLOCKS, rowBlocks);
    this.put(record.COLUMNS, columnsATask);
    this.put(record.COLUMN_BLOCKS, columnBlocks);
  }

  private sources([first, second]: readonly Value[]): void {
    this.put(record.SOURCE0, this.address(first!));
    this.put(record.CHANNELS0, storedChannels(first!.channels));
    this.put(record.HEIGHT, first!.height);
    this.put(record.WIDTH, first!.width);
    if (!second) return;
    this.put(record.SOURCE1, this.address(second));
    this.put(record.CHANNELS1, storedChannels(second.channels));
  }

  private prologue({ affine, silu }: Prologue): void {
    this.put(record.AFFINE, affine ? this.address(affine) : 0);
    this.put(record.SILU, silu ? 1 : 0);
  }

  private output(out: Value, { vector, residual, scale, gain }: Epilogue, { bias }: StepWeights): void {
    this.put(record.BIAS, bias === null ? 0 : this.weights + bias);
    this.vector(vector);
    this.put(record.RESIDUAL, residual ? this.address(residual) : 0);
    this.float(record.SCALE, scale);
    if (gain !== null) this.gains.push({ block: gain, at: this.at + record.SCALE, scale });
    this.put(record.OUT, this.address(out));
    this.put(record.OUT_CHANNELS, storedChannels(out.channels));
    this.put(record.OUT_HEIGHT, out.height);
  }

  private vector(slice: Epilogue['vector']): void {
    if (!slice) return;
    this.put(record.VECTOR, this.address(slice.vector) + 4 * slice.offset);
    this.put(record.VECTOR_STRIDE, 4 * storedChannels(slice.vector.channels));
  }

  private address(value: Value): number {
    return this.addresses.get(value)!;
  }

  private need(bytes: number): void {
    this.scratchBytes = Math.max(this.scratchBytes, Math.ceil(bytes / 64) * 64);
  }

  private call(kernel: number, tasks: number): void {
    this.at += record.RECORD_BYTES;
    this.put(record.KERNEL, kernel);
    this.put(record.TASKS, tasks);
  }

  private put(field: number, value: number): void {
    this.view.setUint32(this.at + field, value, true);
  }

  private float(field: number, value: number): void {
    this.view.setFloat32(this.at + field, value, true);
  }
}

const TASKS_A_THREAD = 3;
