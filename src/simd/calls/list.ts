import * as record from '../record';

/** A map in the kernels' memory: [images, height, width, channels], float32. */
export interface MapAt {
  /** Address, a multiple of 16. */
  at: number;
  images: number;
  height: number;
  width: number;
  /** As stored: a multiple of 4, zeros in channels that only pad. */
  channels: number;
}

/** What a call writes, as its tasks share it out. */
interface TaskShape {
  images: number;
  rows: number;
  columns: number;
}

/** A thread's scratch stays in the second-level cache. */
export const SCRATCH_VALUES = 1 << 17;
/** A few tasks a thread, so that a thread that is held up does not hold up the others. */
const TASKS_A_THREAD = 3;
/** Values of one task of an elementwise call. */
const FLAT_VALUES = 1 << 14;

/**
 * A program of kernel calls as it is written, for a number of threads. How work is shared out changes no result: a value is
 * added up by one task, in one order.
 */
export class CallList {
  /** Bytes of scratch that each thread needs. */
  scratchBytes = 0;
  /** Calls so far. */
  length = 0;
  private bytes = new Uint8Array(64 * record.RECORD_BYTES);
  private view = new DataView(this.bytes.buffer);
  /** Byte offset of the last call's record. */
  private at = -record.RECORD_BYTES;

  constructor(readonly threads: number) {}

  /** The records written so far, `RECORD_BYTES` each. */
  get records(): Uint8Array {
    return this.bytes.slice(0, this.length * record.RECORD_BYTES);
  }

  /** Where the last call's record lies in `records`, in bytes. */
  get last(): number {
    return this.at;
  }

  /** Begins a call; `put` and `float` fill it. */
  call(kernel: number, tasks: number): void {
    this.at += record.RECORD_BYTES;
    this.length++;
    if (this.at === this.bytes.length) {
      const longer = new Uint8Array(2 * this.bytes.length);
      longer.set(this.bytes);
      this.bytes = longer;
      this.view = new DataView(longer.buffer);
    }
    this.put(record.KERNEL, kernel);
    this.put(record.TASKS, tasks);
  }

  /** Begins a call over `count` values one after the other. Returns how many tasks it has. */
  flat(kernel: number, count: number): number {
    const tasks = Math.ceil(count / FLAT_VALUES);
    this.call(kernel, tasks);
    this.put(record.COUNT, count);
    this.put(record.CHUNK, FLAT_VALUES);
    return tasks;
  }

  put(field: number, value: number): void {
    this.view.setUint32(this.at + field, value, true);
  }

  float(field: number, value: number): void {
    this.view.setFloat32(this.at + field, value, true);
  }

  /** Makes each thread's scratch at least so large. */
  need(bytes: number): void {
    this.scratchBytes = Math.max(this.scratchBytes, Math.ceil(bytes / 64) * 64);
  }

  /**
   * Rows of a task: at most `fit`, at least `least` where there are so many, a multiple of `unit`, few enough for
   * some tasks a thread over `images`.
   */
  share(rows: number, fit: number, least: number, unit: number, images: number): number {
    const wanted = Math.ceil((rows * images) / (this.threads * TASKS_A_THREAD));
    const chosen = Math.max(Math.min(fit, Math.max(wanted, least)), 1);
    // Blocks of equal size, so that the last is not a small rest.
    const even = Math.ceil(rows / Math.ceil(rows / Math.min(chosen, rows)));
    return Math.min(Math.ceil(even / unit) * unit, Math.max(unit, Math.floor(fit / unit) * unit));
  }

  /** Splits rows as told, and columns too where that leaves too few tasks; sets the call's tasks. */
  blocks({ images, rows, columns }: TaskShape, rowsATask: number, unit: number): void {
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

  /** Splits rows alone; sets the call's tasks. */
  rowBlocks(images: number, rows: number, rowsATask: number): void {
    const rowBlocks = Math.ceil(rows / rowsATask);
    this.put(record.TASKS, images * rowBlocks);
    this.put(record.ROWS, rowsATask);
    this.put(record.ROW_BLOCKS, rowBlocks);
  }

  /** What a call reads: one map, or two joined along channels. */
  sources([first, second]: readonly MapAt[]): void {
    this.put(record.SOURCE0, first!.at);
    this.put(record.CHANNELS0, first!.channels);
    this.put(record.HEIGHT, first!.height);
    this.put(record.WIDTH, first!.width);
    if (!second) return;
    this.put(record.SOURCE1, second.at);
    this.put(record.CHANNELS1, second.channels);
  }

  /** Done to what a call reads: x * factor + offset, then SiLU. */
  prologue({ affine = 0, silu = false }: PrologueAt = {}): void {
    this.put(record.AFFINE, affine);
    this.put(record.SILU, silu ? 1 : 0);
  }

  /** Done to what a call writes: activation((y + bias + vector + residual) * scale). */
  epilogue({ bias = 0, vector, residual = 0, scale = 1, activation = record.NONE }: EpilogueAt = {}): void {
    this.put(record.BIAS, bias);
    this.put(record.VECTOR, vector?.at ?? 0);
    this.put(record.VECTOR_STRIDE, vector?.stride ?? 0);
    this.put(record.RESIDUAL, residual);
    this.float(record.SCALE, scale);
    this.put(record.ACTIVATION, activation);
  }

  output(out: MapAt): void {
    this.put(record.OUT, out.at);
    this.put(record.OUT_CHANNELS, out.channels);
    this.put(record.OUT_HEIGHT, out.height);
    this.put(record.OUT_WIDTH, out.width);
  }
}

/** Part of a vector [N, ...]: address of its first value for image 0, bytes from image to image. */
export interface VectorAt {
  at: number;
  stride: number;
}

export interface PrologueAt {
  /** Address of factors and offsets [N, 2, channels], or 0. */
  affine?: number;
  silu?: boolean;
}

export interface EpilogueAt {
  /** Addresses, or 0: bias [channels], residual of the output's shape (not the output itself). */
  bias?: number;
  vector?: VectorAt | undefined;
  residual?: number;
  scale?: number;
  /** One of the activations of record.ts. */
  activation?: number;
}
