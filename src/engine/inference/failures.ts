import { KernelRefused } from '../../gpu/pipelines';
import type { InnateError } from '../../lib/errors';
import { sentence } from '../../lib/words';
import { ThreadsFailed } from '../../simd/runtime';
import { RecentCount } from './recent-count';

/** A failure counts for so long: a device that is lost twice within it is given up, one lost hours apart is not. */
const FORGOTTEN_MS = 10 * 60_000;

/** Counts the failures of a machine, and says which of them are tried again and when WebAssembly takes over. */
export class Failures {
  private readonly gpu: RecentCount;
  private readonly threads: RecentCount;

  /** `now`: milliseconds. */
  constructor(now: () => number) {
    this.gpu = new RecentCount(FORGOTTEN_MS, now);
    this.threads = new RecentCount(FORGOTTEN_MS, now);
  }

  /** A person has chosen anew: what was is forgotten. */
  clear(): void {
    this.gpu.clear();
    this.threads.clear();
  }

  /** Whether a failure is one of threads that are started again: once within ten minutes. */
  threadsMayRestart(error: InnateError): boolean {
    return error instanceof ThreadsFailed && this.threads.add() === 1;
  }

  /**
   * Counts a failure of the GPU, and says why WebAssembly takes over; null where the GPU is set up again. `lighter`:
   * less is asked of it from now on, so that it may do though it failed before.
   */
  whyNoGpu(error: InnateError, lighter: boolean): string | null {
    const failures = this.gpu.add();
    if (error instanceof KernelRefused)
      // The same device would refuse it again.
      return `Every form of the kernel "${error.kernel}" was refused (${error.reason}): update the browser or the graphics driver.`;
    if (failures === 1 || lighter) return null;
    return `The GPU failed ${failures} times within ${FORGOTTEN_MS / 60_000} minutes (${error.message}); choose WebGPU, or reload the page, to try it again.`;
  }
}

/** What people are told after a failure, in one sentence. */
export const NOTICES = {
  fewerImages: 'Memory ran out: going on with fewer images at a time.',
  freshMemory: 'Memory ran out: WebAssembly was started afresh, nothing is lost.',
  threads: ({ message }: InnateError): string =>
    `${sentence(message)}: they were started again, nothing is lost.`,
  gpuAgain: ({ message }: InnateError): string =>
    `${sentence(message)}: it was set up again, nothing is lost.`,
  noDevice: ({ message }: InnateError): string => `${sentence(message)}: the next request tries again.`,
  noGpu: ({ message }: InnateError): string => `${sentence(message)}: going on with WebAssembly.`,
};
