import { asInnateError, type InnateError } from '../../lib/errors';
import type { EngineClient } from '../../protocol/client';
import type { GenerateRequest, ImageChunk } from '../../protocol/generate';
import type { Progress } from '../../protocol/models';
import type { ModelFacts } from '../models';
import { imageNameOf, type MadeImage } from './images';
import { recipeOf } from './request';

/** One picture that somebody wants beside the images of the view. */
export interface AsideJob {
  /** What tells it from others of its slot. */
  key: string;
  request: GenerateRequest;
  take: (chunk: ImageChunk) => void;
  progress?: (progress: Progress) => void;
  /** Told when it cannot be made; it is not tried again. */
  fail?: (error: InnateError) => void;
}

/** The images of the view, which go first. */
export interface MainRequests {
  /** Nothing is under way, and nothing waits. */
  readonly idle: boolean;
  whenIdle(listener: () => void): void;
}

interface Options {
  client: Pick<EngineClient, 'generate'>;
  main: MainRequests;
  /** Whether the view shows anything that is made aside, and the engine runs. */
  ready: () => boolean;
}

/**
 * Pictures beside those of the view: pins, a teacher's. They are made one at a time while the view needs nothing. A
 * request of the view supersedes the one under way, which is made again afterwards: so dragging is never slowed by more
 * than one network evaluation.
 */
export class AsideRequests {
  private readonly slots = new Map<string, readonly AsideJob[]>();
  /** Somebody is dragging: the next request of the view comes in a moment. */
  private held = false;
  private flight: { slot: string; job: AsideJob; abort: AbortController } | null = null;

  constructor(private readonly options: Options) {
    options.main.whenIdle(() => this.next());
  }

  /** What a slot wants from now on, in this order; what it no longer wants is abandoned. */
  want(slot: string, jobs: readonly AsideJob[]): void {
    this.slots.set(slot, jobs);
    const { flight } = this;
    if (flight?.slot === slot && !jobs.some(({ key }) => key === flight.job.key)) {
      this.flight = null;
      flight.abort.abort();
    }
    this.next();
  }

  /** Begins nothing until `release`: while somebody drags, the network of the view is to stay on the back-end. */
  hold(): void {
    this.held = true;
  }

  release(): void {
    this.held = false;
    this.next();
  }

  private next(): void {
    const { client, main, ready } = this.options;
    if (this.flight || this.held || !main.idle || !ready()) return;
    for (const [slot, [job]] of this.slots) {
      if (!job) continue;
      const flight = { slot, job, abort: new AbortController() };
      this.flight = flight;
      let made = false;
      client
        .generate(job.request, {
          signal: flight.abort.signal,
          onProgress: (progress) => this.flight === flight && job.progress?.(progress),
          onImages: (chunk) => {
            made = true;
            if (this.wants(slot, job.key)) job.take(chunk);
          },
        })
        .then(
          () => this.settle(flight, made),
          (error) => this.settle(flight, true, asInnateError(error, 'backend')),
        );
      return;
    }
  }

  /** `over`: it is made, or cannot be; otherwise it was superseded, and comes again. */
  private settle(flight: NonNullable<AsideRequests['flight']>, over: boolean, error?: InnateError): void {
    if (over && error?.code !== 'cancelled') {
      const { slot, job } = flight;
      this.slots.set(
        slot,
        (this.slots.get(slot) ?? []).filter(({ key }) => key !== job.key),
      );
      if (error) job.fail?.(error);
    }
    if (this.flight !== flight) return;
    this.flight = null;
    this.next();
  }

  private wants(slot: string, key: string): boolean {
    return this.slots.get(slot)?.some((job) => job.key === key) ?? false;
  }
}

/** The picture of a request for one image. */
export function recipePicture(request: GenerateRequest, model: ModelFacts, chunk: ImageChunk): MadeImage {
  const recipe = recipeOf(request, model, 0, chunk.classes?.[0] ?? null);
  return {
    pixels: chunk.pixels,
    resolution: chunk.resolution,
    name: imageNameOf(recipe.model, recipe),
    recipe,
    generation: 1,
  };
}
