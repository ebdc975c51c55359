import type { TrainingDtype } from '../../../lib/backends';
import { InnateError } from '../../../lib/errors';
import type { Iteration } from './settings';

/** A step of training as it is recorded, and the images of its batch. */
export interface RecordedStep {
  iteration: Iteration;
  batch: number;
}

/**
 * Executes recorded steps of training on one device. What an executor gives:
 *
 * - *State* is the leaves of the graphs, shared by all steps by name: a step that is prepared later finds what the others have
 *   left. Leaves that nobody has written are zeros. `read` and `write` speak the published layout (OIHW, qkv interleaved);
 *   how a leaf lies on the device is the executor's own business, as is what it makes of frozen leaves (turned or packed
 *   filters), which it makes anew after a `write`.
 * - *A run* takes every input of the graph by its name: maps [N, H, W, C], vectors [N, C], whole values as they are. It computes
 *   what `reports`, `updates` and `carried` need, in the order of recording, changes the state in place, carries over at
 *   the end, and returns the reports. Nothing is allocated after the first run of a step, and nothing is read back but the reports.
 * - *Bits*: the same state and inputs give the same bits, however many threads or submits execute them. A resumed run is
 *   then the uninterrupted one.
 * - *Refusal*: a step that it has no kernels for is `Unplanned`, thrown by `prepare` and by nothing else: the caller trains with
 *   another executor and says why. One that does not fit into memory is `OutOfMemory`, as elsewhere: the batch is taken in parts.
 */
export interface IterationExecutor {
  /** Where it computes, in words: "2 threads of WebAssembly". */
  readonly label: string;
  readonly precision: ExecutedPrecision;
  /** Bytes that it holds on its device, for all steps together. */
  readonly bytes: number;
  /** Bytes that it may hold. */
  readonly budget: number;
  /**
   * Bytes that it would hold for its steps and this one, without what its kernels need beside; infinitely many where the device can have no such
   * buffers. Nothing is made. Throws `Unplanned`.
   */
  measure(step: RecordedStep): number;
  /** Compiles a step under a name and gives it memory. Throws `Unplanned` and `OutOfMemory`. */
  prepare(name: string, step: RecordedStep): Promise<void>;
  /** Names of the state of all steps. */
  names(): Iterable<string>;
  read(name: string): Promise<Float32Array>;
  write(name: string, values: ArrayLike<number>): void;
  run(name: string, inputs: ReadonlyMap<string, ArrayLike<number>>): Promise<Map<string, number>>;
  /** Runs a graph that has results, and gives these back: maps [N, H, W, C], vectors [N, C]. */
  compute(
    name: string,
    inputs: ReadonlyMap<string, ArrayLike<number>>,
  ): Promise<Map<string, Float32Array<ArrayBuffer>>>;
  dispose(): void;
}

/** What steps are computed in. */
export interface ExecutedPrecision {
  dtype: TrainingDtype;
  /** A clause that says why it is not float16 where that is asked for; null where nothing keeps it from that. */
  instead: string | null;
}

/** Starts an executor on the back-end of a run. It computes in float32 where it cannot in float16, and says why. */
export type OpenExecutor = (dtype?: TrainingDtype) => Promise<IterationExecutor>;

/** Why a step is not executed as a plan: what has no place in a recorded graph, or no kernel on this device. */
export class Unplanned extends InnateError {
  /** `what` "a norm", `found` "6 channels". */
  constructor(what: string, found?: string) {
    super('unsupported', `${what} cannot be planned`, found === undefined ? {} : { found });
    this.name = 'Unplanned';
  }
}
