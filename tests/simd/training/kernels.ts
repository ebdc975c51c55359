import { afterAll, expect } from 'vitest';
import { startNodeThread } from '../../../cli/threads';
import { CallList, type MapAt } from '../../../src/simd/calls/list';
import { SimdRuntime } from '../../../src/simd/runtime';
import * as trainingKernels from '../../../src/simd/training-kernels';

/** Runs calls of the training kernels on one, two and three threads over memory full of NaN. */

const THREADS = [1, 2, 3];
const MAX_CALLS = 32;
const runtimes = new Map<number, SimdRuntime>();

afterAll(() => {
  for (const runtime of runtimes.values()) runtime.dispose();
  runtimes.clear();
});

async function runtimeOf(threads: number): Promise<SimdRuntime> {
  let runtime = runtimes.get(threads);
  if (!runtime) {
    runtime = await SimdRuntime.start(MAX_CALLS, {
      threads,
      startThread: startNodeThread,
      kernels: trainingKernels,
    });
    expect(runtime.threads).toBe(threads);
    runtimes.set(threads, runtime);
  }
  return runtime;
}

/** Where things lie in the memory of a case, the same for every number of threads. */
export class Layout {
  readonly given: { at: number; values: Float32Array | Int32Array | Uint32Array | Float64Array }[] = [];

  constructor(private next: number) {}

  get end(): number {
    return this.next;
  }

  /** Copies values to memory: their address. */
  put(values: Float32Array | Int32Array | Uint32Array | Float64Array): number {
    const at = this.room(values.byteLength / 4);
    this.given.push({ at, values });
    return at;
  }

  /** Room for float32 values, poisoned. */
  room(count: number): number {
    const at = this.next;
    this.next += Math.ceil((4 * count) / 64) * 64;
    return at;
  }

  /** A map of given values, or a poisoned one. */
  map(images: number, height: number, width: number, channels: number, values?: Float32Array): MapAt {
    const count = images * height * width * channels;
    const at = values ? this.put(values) : this.room(count);
    return { at, images, height, width, channels };
  }
}

/** What a case leaves at an address. */
type Results = (at: number, count: number) => Float32Array;

/**
 * Lets `write` place values and write calls, runs them with every number of threads, checks that whatever is read of the result
 * has the same bits, and hands over what one thread computed.
 */
export async function runCalls<T>(
  write: (layout: Layout, list: CallList) => T,
): Promise<{ placed: T; read: Results }> {
  const memories: ArrayBufferLike[] = [];
  let placed: T | null = null;
  for (const threads of THREADS) {
    const runtime = await runtimeOf(threads);
    const layout = new Layout(Math.ceil(runtime.dataStart / 64) * 64);
    const list = new CallList(threads);
    const own = write(layout, list);
    placed ??= own;
    runtime.ensure(layout.end + threads * list.scratchBytes + 4096);
    new Float32Array(runtime.memory.buffer, runtime.dataStart).fill(Number.NaN);
    for (const { at, values } of layout.given)
      new Uint8Array(runtime.memory.buffer).set(
        new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
        at,
      );
    runtime.run({ records: list.records, end: layout.end, scratchBytes: list.scratchBytes });
    memories.push(runtime.memory.buffer);
  }
  const read: Results = (at, count) => {
    const [first, ...others] = memories.map((memory) => new Uint32Array(memory, at, count).slice());
    for (const other of others) expect(other).toEqual(first);
    return new Float32Array(first!.buffer);
  };
  return { placed: placed!, read };
}

/** Largest difference as a share of the largest expected value; NaN counts. */
export function relativeError(found: ArrayLike<number>, expected: ArrayLike<number>): number {
  expect(found.length).toBe(expected.length);
  let [largest, error] = [1e-30, 0];
  for (let i = 0; i < expected.length; i++) {
    largest = Math.max(largest, Math.abs(expected[i]!));
    const d = Math.abs(found[i]! - expected[i]!);
    if (!(d <= error)) error = d;
  }
  expect(largest).toBeGreaterThan(1e-3);
  return error / largest;
}

/** `channels` values of rows as stored: in rows of a multiple of 4, zeros behind. */
export function stored(values: Float32Array, channels: number): Float32Array {
  const width = Math.ceil(channels / 4) * 4;
  const out = new Float32Array((values.length / channels) * width);
  for (let i = 0; i < values.length; i++) out[Math.floor(i / channels) * width + (i % channels)] = values[i]!;
  return out;
}

/** The reverse of `stored`; channels that only pad must be zero. */
export function published(values: Float32Array, channels: number): Float32Array {
  const width = Math.ceil(channels / 4) * 4;
  const out = new Float32Array((values.length / width) * channels);
  for (let i = 0; i < values.length; i++)
    if (i % width < channels) out[Math.floor(i / width) * channels + (i % width)] = values[i]!;
    else expect(Math.abs(values[i]!)).toBe(0);
  return out;
}
