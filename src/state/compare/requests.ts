import { asInnateError } from '../../lib/errors';
import { rowTitle } from '../../lib/row-caption';
import type { EngineClient } from '../../protocol/client';
import type { GenerateRequest, ImageChunk } from '../../protocol/generate';
import type { Progress } from '../../protocol/models';
import type { Stores } from '../app-state';
import { imageNameOf } from '../generate/images';
import { recipeOf } from '../generate/request';
import { HOLD_MS } from '../generate/requests';
import { missingColumns, planRows, type RowPlan, rowRequest } from './plan';
import { changeResult, keepResults, type RowRun, realign, resultOf, type WantedImage } from './store';

interface Options {
  client: Pick<EngineClient, 'generate'>;
  stores: Stores;
  /** requestAnimationFrame, or a test's own. */
  nextFrame: (callback: () => void) => void;
  /** Milliseconds of a clock that never goes back. */
  now: () => number;
}

/** A request under way: some columns of one row. */
interface Flight {
  plan: RowPlan;
  columns: readonly number[];
  request: GenerateRequest;
  abort: AbortController;
  issued: number;
  images: number;
  ms: number;
}

/** Results of rows that were removed or changed are kept for their way back, so many altogether. */
const KEPT = 24;

/**
 * Makes the images of the rows, one row at a time from the top: one model is on the back-end. What a change makes
 * pointless is dropped, and the first row whose images are missing comes next.
 */
export class RowRequests {
  private flight: Flight | null = null;
  private scheduled = false;
  private held: ReturnType<typeof setTimeout> | null = null;
  private generation = 0;

  constructor(private readonly options: Options) {}

  /** Looks in the next frame what is to be made. */
  refresh(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    this.options.nextFrame(() => {
      this.scheduled = false;
      this.run();
    });
  }

  /** Makes all images anew, also where nothing has changed. */
  again(): void {
    this.drop();
    this.options.stores.compare.setState({ results: {} });
    this.run();
  }

  /** Tries a row again that failed. */
  retry(key: string): void {
    changeResult(this.options.stores.compare, key, { error: null });
    this.refresh();
  }

  private run(): void {
    const { stores } = this.options;
    const { tab, compare } = stores.view.getState();
    this.release();
    if (!compare || tab === 'layers') {
      this.drop();
      return;
    }
    if (!stores.engine.getState().status) return; // boot calls again
    const plans = planRows(stores);
    this.align(plans);
    const { flight } = this;
    if (flight && plans.some((plan) => goesOn(flight, plan))) return;
    if (flight && this.holds(flight, plans)) return;
    this.drop();
    for (const plan of plans) if (this.issue(plan)) return;
  }

  /** Puts what is made into the columns where it is wanted now. */
  private align(plans: readonly RowPlan[]): void {
    const { compare } = this.options.stores;
    const keys = plans.map((plan) => plan.key);
    if (Object.keys(compare.getState().results).length > KEPT) keepResults(compare, keys);
    for (const { key, wanted } of plans) {
      const { images } = resultOf(compare.getState(), key);
      const aligned = realign(images, wanted);
      if (aligned.length !== images.length || aligned.some((image, c) => image !== images[c]))
        changeResult(compare, key, { images: aligned });
    }
  }

  /**
   * Whether the first row is to show an image before a newer request takes over: a slow back-end would otherwise be
   * superseded at every step of a drag, and show nothing until the hand stops.
   */
  private holds(flight: Flight, [first]: readonly RowPlan[]): boolean {
    if (first?.key !== flight.plan.key || flight.images > 0) return false;
    const left = HOLD_MS - (this.options.now() - flight.issued);
    if (left <= 0) return false;
    this.held = setTimeout(() => this.refresh(), left);
    return true;
  }

  private release(): void {
    if (this.held !== null) clearTimeout(this.held);
    this.held = null;
  }

  /** Abandons what is under way. */
  private drop(): void {
    this.release();
    this.flight?.abort.abort();
    this.flight = null;
    if (this.options.stores.compare.getState().run) this.options.stores.compare.setState({ run: null });
  }

  /** Begins with what a row misses; false where that is nothing, or cannot be made here. */
  private issue(plan: RowPlan): boolean {
    const { client, stores, now } = this.options;
    const { compare } = stores;
    const result = resultOf(compare.getState(), plan.key);
    const columns = missingColumns(plan, result);
    const request = result.error === null && columns.length > 0 ? rowRequest(plan, columns) : null;
    if (!request) return false;
    const mine: Flight = {
      plan,
      columns,
      request,
      abort: new AbortController(),
      issued: now(),
      images: 0,
      ms: 0,
    };
    this.flight = mine;
    this.generation++;
    compare.setState({
      run: { key: plan.key, made: 0, wanted: columns.length, progress: null, since: null },
    });
    client
      .generate(request, {
        signal: mine.abort.signal,
        onProgress: (progress) => this.tell(mine, progress),
        onImages: (chunk) => this.take(mine, chunk),
      })
      .then(
        () => this.settle(mine),
        (error) => this.settle(mine, error),
      );
    return true;
  }

  private tell(flight: Flight, progress: Progress): void {
    if (this.flight !== flight) return;
    const computes = progress.unit === 'evaluations';
    this.changeRun((run) => ({ progress, since: run.since ?? (computes ? this.options.now() : null) }));
  }

  private take(flight: Flight, chunk: ImageChunk): void {
    if (this.flight !== flight) return;
    const { compare } = this.options.stores;
    const { plan, columns, request } = flight;
    const images = [...resultOf(compare.getState(), plan.key).images];
    const size = chunk.resolution ** 2 * 4;
    // The names of its classes may have come since it was asked for.
    const facts =
      planRows(this.options.stores).find(({ key }) => key === plan.key)?.model.facts ?? plan.model.facts!;
    const title = rowTitle({ ...request, name: facts.name });
    chunk.indices.forEach((index, position) => {
      const recipe = recipeOf(request, facts, index, chunk.classes?.[position] ?? null);
      images[columns[index]!] = {
        pixels: chunk.pixels.subarray(position * size, (position + 1) * size),
        resolution: chunk.resolution,
        name: imageNameOf(title, recipe),
        recipe,
        generation: this.generation,
        asked: request.classIndex,
        also: plan.wanted[columns[index]!]?.also ?? '',
      };
    });
    flight.images += chunk.indices.length;
    flight.ms += chunk.ms;
    changeResult(compare, plan.key, { images, reading: { images: flight.images, ms: flight.ms } });
    this.changeRun((run) => ({
      made: flight.images,
      progress: null,
      since: run.since ?? this.options.now() - chunk.ms,
    }));
    if (this.held !== null) this.refresh();
  }

  private changeRun(change: (run: RowRun) => Partial<RowRun>): void {
    this.options.stores.compare.setState(({ run }) => (run ? { run: { ...run, ...change(run) } } : {}));
  }

  private settle(flight: Flight, error?: unknown): void {
    if (this.flight !== flight) return;
    const { compare } = this.options.stores;
    this.flight = null;
    compare.setState({ run: null });
    const known = error === undefined ? null : asInnateError(error, 'backend');
    if (known?.code === 'cancelled') return;
    if (known) changeResult(compare, flight.plan.key, { error: known.describe() });
    this.refresh();
  }
}

const sameImage = (a: WantedImage | undefined, b: WantedImage | undefined): boolean =>
  !!a && !!b && a.seed === b.seed && a.asked === b.asked && (a.also ?? '') === (b.also ?? '');

/** Whether a request makes what this row still wants, wherever the row stands by now. */
const goesOn = ({ plan, columns }: Flight, now: RowPlan): boolean =>
  now.key === plan.key &&
  now.model.facts?.key === plan.model.facts?.key &&
  now.model.here &&
  columns.every((c) => c >= now.wanted.length || sameImage(plan.wanted[c], now.wanted[c])) &&
  columns.some((c) => c < now.wanted.length);
