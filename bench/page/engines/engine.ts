export interface BenchStats {
  /** Floating point operations of one run, as executed; null where the engine does not count them. */
  flops: number | null;
  /** Bytes that one run's kernels read and write; null where the engine does not know. */
  bytesMoved: number | null;
  /** Why a figure is missing, or what has to be known to read one. */
  notes: readonly string[];
}

/**
 * What takes part in the benchmark. Lives in a worker of its own, whose GPU calls are counted from outside;
 * code, files and input are there before `prepare` is called, and are not timed.
 */
export interface BenchEngine {
  /** Everything between weights in memory and readiness to run: device, upload, session or plan. Timed. */
  prepare(): Promise<void>;
  /** One forward pass of the whole batch, D(x, sigma) [N, C, R, R] in JavaScript's memory. Timed. */
  run(): Promise<Float32Array>;
  /** After the runs. */
  stats(): BenchStats;
  /** Whether WebGPU does the work: without it there are no dispatches to count. */
  readonly gpu: boolean;
}
