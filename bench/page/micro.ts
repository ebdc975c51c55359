import { median } from '../statistics';
import type { MicroResult } from './protocol';

/** One kernel on one shape. */
export interface MicroCase {
  /** Kernel family, e.g. "convolution 3x3". */
  family: string;
  /** Shape and variant. */
  case: string;
  /** Of one call, as a direct evaluation would need (Winograd may show more than the peak). */
  flops: number;
  /** Calls in a `run`. */
  calls: number;
  /** Submits the kernel's work, and may wait for it. */
  run(): Promise<void>;
  /** Resolves when everything submitted is done. */
  done(): Promise<void>;
}

const LONG_ENOUGH_MS = 40;
const REPEATS = 5;

/**
 * GFLOP/s of each case: repetitions grow until they outlast the clock's and the queue's own time. `checkErrors`
 * throws when the GPU has refused something: a refused kernel takes no time at all.
 */
export async function runMicro(
  cases: readonly MicroCase[],
  peak: number,
  checkErrors: () => void,
): Promise<MicroResult[]> {
  const results: MicroResult[] = [];
  for (const each of cases) {
    const time = async (count: number): Promise<number> => {
      const started = performance.now();
      for (let i = 0; i < count; i++) await each.run();
      await each.done();
      return performance.now() - started;
    };
    await time(1); // compiles
    checkErrors();
    let count = 1;
    while ((await time(count)) < LONG_ENOUGH_MS) count *= 2;
    const times: number[] = [];
    for (let i = 0; i < REPEATS; i++) times.push((await time(count)) / (count * each.calls));
    const ms = median(times);
    const gflops = each.flops / ms / 1e6;
    results.push({ family: each.family, case: each.case, ms, gflops, share: gflops / peak });
  }
  return results;
}
