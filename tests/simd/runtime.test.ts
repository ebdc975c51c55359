import { describe, expect, it } from 'vitest';
import { startNodeThread } from '../../cli/threads';
import { InnateError, OutOfMemory } from '../../src/lib/errors';
import {
  CHANNELS0,
  HEIGHT,
  KERNEL,
  OUT,
  OUT_CHANNELS,
  OUT_HEIGHT,
  OUT_WIDTH,
  POINTWISE,
  RECORD_BYTES,
  ROW_BLOCKS,
  ROWS,
  SCALE,
  SOURCE0,
  TASKS,
  WIDTH,
} from '../../src/simd/record';
import { type Program, SimdRuntime, ThreadsFailed } from '../../src/simd/runtime';
import type { StartThread, Thread } from '../../src/simd/threads';

const ROW_COUNT = 64;

/** Doubles [64, 8, 4] values, `steps` times. */
function doubling(start: number, steps: number, kernel = POINTWISE): Program {
  const records = new Uint8Array(steps * RECORD_BYTES);
  const bytes = ROW_COUNT * 8 * 4 * 4;
  for (let s = 0; s < steps; s++) {
    const view = new DataView(records.buffer, s * RECORD_BYTES, RECORD_BYTES);
    const fields: [number, number][] = [
      [KERNEL, kernel],
      [TASKS, ROW_COUNT],
      [SOURCE0, start + s * bytes],
      [CHANNELS0, 4],
      [HEIGHT, ROW_COUNT],
      [WIDTH, 8],
      [OUT, start + (s + 1) * bytes],
      [OUT_CHANNELS, 4],
      [OUT_HEIGHT, ROW_COUNT],
      [OUT_WIDTH, 8],
      [ROWS, 1],
      [ROW_BLOCKS, ROW_COUNT],
    ];
    for (const [field, value] of fields) view.setUint32(field, value, true);
    view.setFloat32(SCALE, 2, true);
  }
  return { records, end: start + (steps + 1) * bytes, scratchBytes: 64 };
}

/** Keeps what it starts, so that a test can end it. */
function watched(): { threads: Thread[]; startThread: StartThread } {
  const threads: Thread[] = [];
  return {
    threads,
    startThread: (script, on) => {
      const thread = startNodeThread(script, on);
      threads.push(thread);
      return thread;
    },
  };
}

const failure = (work: () => void): InnateError => {
  try {
    work();
  } catch (error) {
    expect(error).toBeInstanceOf(InnateError);
    return error as InnateError;
  }
  throw new Error('nothing was thrown');
};

describe('SimdRuntime', () => {
  it.each([1, 2, 3, 5])('%d threads do every task of every step once, run after run', async (threads) => {
    const runtime = await SimdRuntime.start(8, { threads, startThread: startNodeThread });
    expect(runtime.threads).toBe(threads);
    const program = doubling(runtime.dataStart, 8);
    runtime.ensure(program.end);
    const values = new Float32Array(runtime.memory.buffer, runtime.dataStart, 9 * 2048);
    for (let run = 1; run <= 200; run++) {
      values.fill(run, 0, 2048);
      runtime.run(program);
      expect(values.subarray(8 * 2048).every((v) => v === run * 256)).toBe(true);
    }
    runtime.dispose();
  });

  it('is one thread over unshared memory without a way to start others', async () => {
    const runtime = await SimdRuntime.start(1, { threads: 4, startThread: null });
    expect(runtime.threads).toBe(1);
    expect(runtime.memory.buffer).toBeInstanceOf(ArrayBuffer);
    runtime.run(doubling(runtime.dataStart, 1));
    runtime.dispose();
  });

  it('goes on alone when threads do not start', async () => {
    const startThread: StartThread = (_script, { failure: fail }) => {
      setTimeout(() => fail('refused'));
      return { post: () => {}, terminate: () => {} };
    };
    const runtime = await SimdRuntime.start(1, { threads: 4, startThread });
    expect(runtime.threads).toBe(1);
    runtime.dispose();
  });

  it('reports a thread that dies, and does not hang', async () => {
    const { threads, startThread } = watched();
    const runtime = await SimdRuntime.start(4, { threads: 3, startThread, patience: 200 });
    const program = doubling(runtime.dataStart, 4);
    runtime.run(program);
    threads[0]!.terminate();
    await new Promise((done) => setTimeout(done, 100));
    const error = failure(() => runtime.run(program));
    expect(error).toBeInstanceOf(ThreadsFailed);
    expect(error.describe()).toMatch(/threads failed/);
    expect(failure(() => runtime.run(program)).code).toBe('backend'); // at once from now on
    runtime.dispose();
  });

  it.each([1, 2])('reports a kernel that traps, %d threads', async (threads) => {
    const runtime = await SimdRuntime.start(2, { threads, startThread: startNodeThread, patience: 200 });
    const error = failure(() => runtime.run(doubling(runtime.dataStart, 2, 99)));
    expect(error.code).toBe('backend');
    runtime.dispose();
  });

  it('says when memory cannot grow', async () => {
    const runtime = await SimdRuntime.start(1, { threads: 1, startThread: null });
    runtime.memory.grow = () => {
      throw new RangeError('WebAssembly.Memory.grow(): Unable to grow instance memory');
    };
    const error = failure(() => runtime.ensure(2 ** 27));
    expect(error).toBeInstanceOf(OutOfMemory);
    expect([error.code, error.message]).toEqual(['backend', 'out of memory']);
    runtime.dispose();
  });
});
