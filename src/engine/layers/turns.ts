import { nextTask } from '../inference/next-task';
import type { AnyDenoiser } from '../inference/open-denoiser';
import type { Precedence } from './precedence';

/** How a drain ends: 'again' where the device or the network is another one, so that all of it is to be made anew. */
export type Drained = 'complete' | 'superseded' | 'again';

export interface TurnServices {
  /** Runs a task when the back-end is free; `device` changes with it. */
  exclusively<T>(task: (device: object) => Promise<T>): Promise<T>;
  /** Runs one step on a network, and lets go of the network where it fails for good. */
  guarded<T>(denoiser: AnyDenoiser, step: () => Promise<T>): Promise<T>;
  /** Whether nobody wants the rest any more. */
  stopped(): boolean;
  /** Looks, which go first. */
  precedence: Precedence;
}

/**
 * A measurement's turns on the back-end. Between two steps the back-end belongs to whoever waits for it, who may lose
 * the device or give up the network: all steps of one `Turns` are made on one device, or none counts.
 */
export class Turns {
  private device: object | null = null;
  private fastest = Number.POSITIVE_INFINITY;

  constructor(private readonly services: TurnServices) {}

  /** Milliseconds of the fastest step so far; Infinity before the first one. */
  get stepMs(): number {
    return this.fastest;
  }

  /**
   * Makes the steps of a generator, each in a turn of its own. `network` says at every turn which network is there,
   * `make` begins on the first one, `onStep` gets what each step yields.
   */
  async drain<S>(
    network: (device: object) => Promise<AnyDenoiser>,
    make: (denoiser: AnyDenoiser) => AsyncGenerator<S, void>,
    onStep: (step: S) => void,
  ): Promise<Drained> {
    const work = new Work(network, make);
    for (;;) {
      await nextTask();
      await this.services.precedence.free();
      const turn = await this.services.exclusively((device) => this.turn(device, work));
      if (turn === 'later') continue;
      if (typeof turn === 'string') {
        await work.begun?.steps.return();
        return turn;
      }
      if (turn.done) return 'complete';
      onStep(turn.value);
    }
  }

  private async turn<S>(
    device: object,
    work: Work<S>,
  ): Promise<IteratorResult<S, void> | 'superseded' | 'again' | 'later'> {
    if (this.services.stopped()) return 'superseded';
    if (this.services.precedence.taken) return 'later'; // a look came while this waited for the back-end
    this.device ??= device;
    if (device !== this.device || work.broken) return 'again';
    const begun = await work.on(device);
    if (!begun) return 'again';
    const started = performance.now();
    try {
      const step = await this.services.guarded(begun.denoiser, () => begun.steps.next());
      if (!step.done) this.fastest = Math.min(this.fastest, performance.now() - started);
      return step;
    } catch (error) {
      work.broken = true; // whoever runs this turn once more means all of it
      throw error;
    }
  }
}

/** Steps, and the network that they are made on. */
interface Begun<S> {
  denoiser: AnyDenoiser;
  steps: AsyncGenerator<S, void>;
}

/** The work of one drain. */
class Work<S> {
  begun: Begun<S> | null = null;
  broken = false;

  constructor(
    private readonly network: (device: object) => Promise<AnyDenoiser>,
    private readonly make: (denoiser: AnyDenoiser) => AsyncGenerator<S, void>,
  ) {}

  /** Begins where nothing has begun; null where the network was given up meanwhile. */
  async on(device: object): Promise<Begun<S> | null> {
    const denoiser = await this.network(device);
    this.begun ??= { denoiser, steps: this.make(denoiser) };
    return this.begun.denoiser === denoiser ? this.begun : null;
  }
}
