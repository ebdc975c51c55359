import type { NetFiles } from '../files';
import type { NetName } from '../nets';

/** What an engine is given; its worker reads files and input itself. */
export interface LoadRequest {
  engine: string;
  net: NetName;
  batch: number;
  files: NetFiles;
}

export interface RunResult {
  /** From the call until the images are in JavaScript's memory. */
  ms: number;
  /** Until the last submit has returned: JavaScript's part of a run. Null without a GPU. */
  encodeMs: number | null;
  dispatches: number | null;
  submits: number | null;
}

export interface WorkerStats {
  /** Largest sum of live GPU buffers, or the size of the WebAssembly memory. */
  peakBytes: number | null;
  flops: number | null;
  bytesMoved: number | null;
  notes: string[];
  /** Errors that the GPU reported on its own: any of them fails the benchmark. */
  gpuErrors: string[];
}

export interface AdapterReport {
  label: string;
  /** The driver's own words. */
  description: string;
  software: boolean;
  features: string[];
}

/** GFLOP/s; f16 is null where the adapter has no shader-f16. */
export interface Peak {
  f32: number;
  /** In float32, by loops that are not unrolled: each turn costs what it costs a kernel. */
  rolled: number;
  f16: number | null;
}

export interface MicroResult {
  family: string;
  case: string;
  /** Median, of one call. */
  ms: number;
  gflops: number;
  /** Of the adapter's own fused multiply-add peak in float32. */
  share: number;
}

/** A worker's methods; one call at a time. */
export interface WorkerMethods {
  load(request: LoadRequest): Promise<void>;
  /** Milliseconds. */
  prepare(): Promise<number>;
  run(): Promise<RunResult>;
  /** The last run's images [N, C, R, R]. */
  output(): number[];
  stats(): WorkerStats;
  adapter(): Promise<AdapterReport | null>;
  peak(): Promise<Peak>;
  micro(peak: number): Promise<MicroResult[]>;
}

export type Method = keyof WorkerMethods;
export type Arguments<M extends Method> = Parameters<WorkerMethods[M]>;
export type Result<M extends Method> = Awaited<ReturnType<WorkerMethods[M]>>;

export interface Call {
  id: number;
  method: Method;
  args: unknown[];
}
export type Reply = { id: number; result: unknown } | { id: number; error: string };

/** What bench/measure.ts drives from outside. */
export interface BenchPage {
  call(worker: string, method: Method, args: unknown[]): Promise<unknown>;
  close(worker: string): void;
}
