import { InnateError, OutOfMemory } from '../lib/errors';
import { compileKernels, type KernelExports, type KernelTexts } from './module';
import {
  COUNTERS,
  FAILED,
  GENERATION,
  MAX_THREADS,
  PATIENCE,
  PROGRAM,
  QUIT,
  RECORD_BYTES,
  SCRATCH,
  SCRATCH_BYTES,
  STEPS,
  THREADS,
} from './record';
import { type StartThread, THREAD_SCRIPT, type Thread, type ThreadTask } from './threads';

/** The threads of a runtime stopped, which is then of no more use: another one may run. */
export class ThreadsFailed extends InnateError {
  constructor(found: string) {
    super('backend', 'the WebAssembly threads failed', { found, hint: 'Try again' });
  }
}

const PAGE = 65536;
const MAX_PAGES = 65536;
const START_TIMEOUT_MS = 20_000;
const PATIENCE_MS = 10_000;

export interface RuntimeOptions {
  threads: number;
  /** null: one thread over unshared memory, for pages that are not isolated. */
  startThread: StartThread | null;
  /** How long a run may stand still, in ms, before its threads are given up. */
  patience?: number;
  /** The kernels: those of inference where nothing is said, or `training-kernels.ts`. */
  kernels?: KernelTexts;
}

export interface Program {
  /** Records, `RECORD_BYTES` each, with absolute addresses. */
  records: Uint8Array;
  /** First byte after everything that the program uses: thread scratch lies from here. */
  end: number;
  scratchBytes: number;
}

/**
 * One WebAssembly memory with the kernels and their threads over it. The caller of `run` is the first thread, so it
 * must be allowed to block: a worker, or Node.
 */
export class SimdRuntime {
  private failure: string | null = null;
  private readonly programBytes: number;

  private constructor(
    readonly memory: WebAssembly.Memory,
    private readonly kernels: KernelExports,
    private readonly workers: Thread[],
    /** Programs of at most so many steps can run. */
    private readonly maxSteps: number,
  ) {
    this.programBytes = maxSteps * RECORD_BYTES;
  }

  /** Starts the kernels with as many threads as are asked for, or alone when they do not start. */
  static async start(maxSteps: number, options: RuntimeOptions): Promise<SimdRuntime> {
    const count = options.startThread ? Math.max(1, Math.min(MAX_THREADS, options.threads)) : 1;
    if (count > 1)
      try {
        return await SimdRuntime.startWith(maxSteps, count, options);
      } catch {
        // Some pages may not start workers from blobs, some systems have no threads to spare.
      }
    return SimdRuntime.startWith(maxSteps, 1, options);
  }

  private static async startWith(
    maxSteps: number,
    threads: number,
    { startThread, patience = PATIENCE_MS, kernels }: RuntimeOptions,
  ): Promise<SimdRuntime> {
    const shared = threads > 1;
    const module = await compileKernels(shared, kernels);
    const memory = newMemory(shared);
    const { exports } = await WebAssembly.instantiate(module, {
      env: { memory, now: () => performance.now() },
    });
    const workers: Thread[] = [];
    const runtime = new SimdRuntime(memory, exports as unknown as KernelExports, workers, maxSteps);
    runtime.ensure(runtime.dataStart);
    new Int32Array(memory.buffer)[PATIENCE / 4] = patience;
    try {
      await Promise.all(
        Array.from({ length: threads - 1 }, (_, i) =>
          runtime.startWorker({ module, memory, thread: i + 1 }, startThread!),
        ),
      );
    } catch (error) {
      runtime.dispose();
      throw error;
    }
    return runtime;
  }

  get threads(): number {
    return this.workers.length + 1;
  }

  /** First byte that is free for data. */
  get dataStart(): number {
    return COUNTERS + this.maxSteps * 64 + this.programBytes;
  }

  /** Length of the memory that a program needs. */
  bytesFor({ end, scratchBytes }: Pick<Program, 'end' | 'scratchBytes'>): number {
    return end + this.threads * scratchBytes + SLACK;
  }

  /** Makes the memory at least `bytes` long; views made before do not see the new part. */
  ensure(bytes: number): void {
    const missing = Math.ceil((bytes - this.memory.buffer.byteLength) / PAGE);
    if (missing <= 0) return;
    try {
      this.memory.grow(missing);
    } catch (error) {
      throw new OutOfMemory(
        'backend',
        'out of memory',
        { expected: `${Math.ceil(bytes / 2 ** 20)} MB of WebAssembly memory`, hint: 'Use a smaller batch' },
        error,
      );
    }
  }

  /** Runs a program to its end. Throws `ThreadsFailed` when a thread has failed. */
  run(program: Program): void {
    if (this.failure !== null) throw new ThreadsFailed(this.failure);
    const { records, end, scratchBytes } = program;
    const steps = records.length / RECORD_BYTES;
    if (steps > this.maxSteps) throw new RangeError(`a program of ${steps} steps`);
    this.ensure(this.bytesFor(program));
    const words = new Int32Array(this.memory.buffer);
    const bytes = new Uint8Array(this.memory.buffer);
    const at = COUNTERS + this.maxSteps * 64;
    bytes.fill(0, COUNTERS, COUNTERS + steps * 64);
    bytes.set(records, at);
    words[STEPS / 4] = steps;
    words[THREADS / 4] = this.threads;
    words[PROGRAM / 4] = at;
    words[SCRATCH / 4] = end;
    words[SCRATCH_BYTES / 4] = scratchBytes;
    let whole = 0;
    try {
      whole = this.kernels.run();
    } catch (error) {
      this.fail(String(error));
    }
    if (whole === 0) this.fail('one of them stopped');
    if (this.failure !== null) throw new ThreadsFailed(this.failure);
  }

  dispose(): void {
    const words = new Int32Array(this.memory.buffer);
    words[QUIT / 4] = 1;
    if (this.workers.length > 0) {
      Atomics.add(words, GENERATION / 4, 1);
      Atomics.notify(words, GENERATION / 4);
    }
    for (const worker of this.workers) worker.terminate();
    this.failure ??= 'they were dismissed';
  }

  /** Remembers the first failure and lets no thread wait for another any more. */
  private fail(reason: string): void {
    this.failure ??= reason;
    const words = new Int32Array(this.memory.buffer);
    if (this.workers.length > 0) Atomics.store(words, FAILED / 4, 1);
  }

  private startWorker(task: ThreadTask, startThread: StartThread): Promise<void> {
    return new Promise((resolve, reject) => {
      const failed = (reason: string) => {
        clearTimeout(timer);
        this.fail(reason);
        reject(new ThreadsFailed(reason));
      };
      const timer = setTimeout(() => failed('one of them did not start'), START_TIMEOUT_MS);
      const worker = startThread(THREAD_SCRIPT, {
        message: (data) => {
          const { failed: reason } = data as { failed?: string };
          if (reason !== undefined) return failed(reason);
          clearTimeout(timer);
          resolve();
        },
        failure: failed,
      });
      this.workers.push(worker);
      worker.post(task);
    });
  }
}

/** Kernels read a panel's width past the end of what they use. */
const SLACK = 256;

/** The largest memory that may be had: engines differ in how much address space they reserve. */
function newMemory(shared: boolean): WebAssembly.Memory {
  const initial = 1;
  for (let maximum = MAX_PAGES; ; maximum /= 2)
    try {
      return new WebAssembly.Memory({ initial, maximum, shared });
    } catch (error) {
      if (maximum > 4096) continue;
      throw new OutOfMemory('backend', 'out of memory', { hint: 'Close other tabs or programs' }, error);
    }
}
