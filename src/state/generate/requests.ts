import { evaluations } from '../../lib/sampling';
import type { EngineClient } from '../../protocol/client';
import type { GenerateRequest, ImageChunk } from '../../protocol/generate';
import { currentModel, type Stores } from '../app-state';
import { fail, succeed } from '../engine';
import type { ModelFacts } from '../models';
import type { Work } from '../work';
import type { MainRequests } from './aside';
import { place, resize } from './images';
import { latentsOf } from './latents';
import { buildRequest, recipeOf, sameWork } from './request';
import { gridShown } from './view';

interface Options {
  client: Pick<EngineClient, 'generate'>;
  stores: Stores;
  work: Work;
  /** requestAnimationFrame, or a test's own. */
  nextFrame: (callback: () => void) => void;
  /** Milliseconds of a clock that never goes back. */
  now: () => number;
}

/**
 * How long a newer request waits for the first image of the one under way. Without the wait a slow back-end
 * would be superseded at every step of a drag and show nothing until the hand stops.
 */
export const HOLD_MS = 1500;

/** A request under way, and what has come of it. */
interface Flight {
  generation: number;
  model: ModelFacts;
  request: GenerateRequest;
  abort: AbortController;
  issued: number;
  delivered: boolean;
  images: number;
  ms: number;
}

/** The requests for the images of the view: at most one a frame, each with the newest values. */
export class ImageRequests implements MainRequests {
  private generation = 0;
  private flight: Flight | null = null;
  private scheduled = false;
  /** A newer request is wanted as soon as the one under way has shown an image. */
  private waiting = false;
  private readonly listeners: (() => void)[] = [];

  constructor(private readonly options: Options) {}

  get idle(): boolean {
    // Before the first request nothing rests: it is still to come, unless the grid is not shown.
    const begun = this.generation > 0 || !gridShown(this.options.stores.view.getState());
    return begun && this.flight === null && !this.scheduled && !this.waiting;
  }

  whenIdle(listener: () => void): void {
    this.listeners.push(listener);
  }

  /** Makes the images of the view in the next frame. */
  schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    this.options.nextFrame(() => {
      this.scheduled = false;
      this.run(false);
    });
  }

  /** Schedules the images unless nobody sees them: the Layers tab, the rows of Compare or a path have the back-end then. */
  refresh(): void {
    if (gridShown(this.options.stores.view.getState())) this.schedule();
  }

  /** Makes the images of the view now, unless the request under way is to show one first; `insist` never waits. */
  run(insist: boolean): void {
    const { stores, now } = this.options;
    const model = currentModel(stores);
    if (!model || !stores.engine.getState().status) return; // boot calls again
    const { unseen } = stores.images.getState();
    const request = buildRequest(stores.view.getState(), model, latentsOf(stores.latents), unseen);
    const { flight } = this;
    if (!insist && flight && !flight.delivered && sameWork(flight.request, request)) {
      const left = HOLD_MS - (now() - flight.issued);
      if (left > 0) {
        if (!this.waiting) setTimeout(() => this.waiting && this.schedule(), left);
        this.waiting = true;
        return;
      }
    }
    this.issue(request, model);
  }

  /** Abandons the request under way. */
  abort(): void {
    this.flight?.abort.abort();
  }

  /** Gives up the request that waits for the one under way. */
  stopWaiting(): void {
    this.waiting = false;
  }

  private issue(request: GenerateRequest, model: ModelFacts): void {
    const { client, stores, work, now } = this.options;
    const { engine, images } = stores;
    const mine: Flight = {
      generation: ++this.generation,
      model,
      request,
      abort: new AbortController(),
      issued: now(),
      delivered: false,
      images: 0,
      ms: 0,
    };
    this.flight = mine;
    this.waiting = false;
    resize(images, request.seeds.length);
    succeed(engine, 'generating'); // a new attempt: what the last one failed with is no longer the news
    work.begin('generating', model.name);
    if (work.tells('generating')) engine.setState({ made: null });
    client
      .generate(request, {
        signal: mine.abort.signal,
        onProgress: (progress) => {
          if (this.flight === mine && work.tells('generating')) engine.setState({ progress });
        },
        onImages: (chunk) => this.take(mine, chunk),
      })
      .then(
        () => this.settle(mine),
        (error) => this.settle(mine, error),
      );
  }

  private take(flight: Flight, chunk: ImageChunk): void {
    const { stores, work } = this.options;
    const { engine, images } = stores;
    const { model, request } = flight;
    // The network may have been changed since: its pictures would stand under the name of the new one.
    if (currentModel(stores)?.key !== model.key) return;
    place(images, chunk, flight.generation, (index, position) =>
      recipeOf(request, model, index, chunk.classes?.[position] ?? null),
    );
    flight.delivered = true;
    flight.images += chunk.indices.length;
    flight.ms += chunk.ms;
    if (this.flight === flight) {
      const passes = evaluations(request);
      engine.setState({ reading: { images: flight.images, passes, ms: flight.ms } });
      // Loading is over; from here on the line counts images.
      if (work.tells('generating'))
        engine.setState({ progress: null, made: [flight.images, request.seeds.length] });
    }
    if (this.waiting) this.schedule();
  }

  private settle(flight: Flight, error?: unknown): void {
    if (this.flight !== flight) return;
    this.flight = null;
    this.options.work.end('generating');
    if (error !== undefined) fail(this.options.stores.engine, 'generating', error);
    if (this.waiting) this.schedule();
    if (this.idle) for (const listener of this.listeners) listener();
  }
}
