import { backendLine } from '../../lib/words';
import type { EngineClient } from '../../protocol/client';
import type { Stores } from '../app-state';
import { keepInAddress } from './address';
import { LooksDesk } from './looks';
import { Measurement } from './measurement';
import type { Pair } from './pair';
import { pairInView, type Question, questionOf } from './question';
import { pairKey, requestKey } from './requests';
import { createLayersStore, type LayersStore } from './store';
import { Beforehand } from './stored';
import { type LayersView, parseLayers } from './view';

export interface LayersOptions {
  client: EngineClient;
  stores: Stores;
  /** Text of what was measured beforehand of a teacher and its student; rejects where there is nothing. */
  loadBeforehand: (teacher: string) => Promise<string>;
  /** Reads the list of sample packs into its store. */
  loadPacks: () => Promise<void>;
  nextFrame: (callback: () => void) => void;
  now: () => number;
}

export interface LayersController {
  readonly store: LayersStore;
  /** The tab is shown: shows what there is at once, and measures. */
  show(): void;
  /** The tab is left: nothing more is measured. */
  hide(): void;
  set(changes: Partial<LayersView>): void;
  /** Measures all of it anew, the comparison of the two networks included. */
  measure(): void;
  cancel(): void;
  dismissError(): void;
  /** Asks once more for whatever has failed. */
  tryAgain(): void;
}

/** The flow between the Layers tab and the engine. */
export function createLayersController(options: LayersOptions): LayersController {
  const flow = new Flow(options);
  const { store, measurement } = flow;
  return {
    store,
    show: () => flow.show(),
    hide: () => flow.hide(),
    set: (changes) => store.setState((s) => ({ view: { ...s.view, ...changes } })),
    measure: () => flow.measure(),
    cancel: () => measurement.cancel(),
    dismissError: () => store.setState({ error: null }),
    tryAgain: () => flow.tryAgain(),
  };
}

/** Asks for what the page is at, at most once a frame, while the tab is shown. */
class Flow {
  readonly store: LayersStore;
  readonly measurement: Measurement;
  private readonly looks: LooksDesk;
  private readonly beforehand: Beforehand;
  private shown = false;
  private scheduled = false;
  /** Key of the map that was asked for last; '' = none. */
  private measured = '';
  /** What failed is to be asked for again, without a pause. */
  private again = false;
  /** The step whose looks are shown. */
  private guide: LayersView['guide'];

  constructor(private readonly options: LayersOptions) {
    const { client, stores, now, loadBeforehand } = options;
    this.store = createLayersStore(parseLayers(stores.view.getState().layers));
    this.guide = this.store.getState().view.guide;
    this.looks = new LooksDesk(client, this.store, now);
    this.measurement = new Measurement({ client, store: this.store, backend: () => backendOf(stores), now });
    this.beforehand = new Beforehand(loadBeforehand, () => stores.catalogue.getState().catalogue);
    keepInAddress(stores.view, this.store);
    this.listen(stores);
  }

  show(): void {
    this.shown = true;
    this.measured = '';
    this.again = true;
    this.measurement.open();
    void this.options.loadPacks();
    void this.beforehand.tryAgain().then(() => this.changed());
    this.refresh();
  }

  hide(): void {
    this.shown = false;
    this.measurement.close();
  }

  measure(): void {
    const question = this.adopt();
    if (!question) return;
    this.measured = requestKey(question.request);
    this.measurement.start(question.request, true);
  }

  tryAgain(): void {
    this.again = true;
    this.changed();
  }

  private listen({ view, engine, catalogue, distil }: Stores): void {
    const changed = () => this.changed();
    engine.subscribe((next, before) => {
      const name = (state: typeof next) => JSON.stringify(state.status?.backend ?? null);
      if (name(next) !== name(before)) this.again = true; // another back-end may do what the last one did not
    });
    for (const store of [view, engine, catalogue, distil] as { subscribe(f: () => void): void }[])
      store.subscribe(changed);
    this.store.subscribe((next, before) => {
      if (next.view !== before.view) changed();
    });
  }

  private changed(): void {
    if (!this.shown) return;
    this.adopt();
    if (this.scheduled) return;
    this.scheduled = true;
    this.options.nextFrame(() => {
      this.scheduled = false;
      if (this.shown) this.refresh();
    });
  }

  /** Brings what is shown in line with the view at once; null where something is still on its way. */
  private adopt(): (Question & { pair: Pair }) | null {
    const { stores } = this.options;
    const { view, pair: last } = this.store.getState();
    const pair = pairInView(stores, view.partner);
    if (!pair) return null;
    const other = last === null || pairKey(pair) !== pairKey(last);
    if (other) this.store.setState({ pair, findings: null });
    const question = questionOf(pair, view, stores);
    if (!question) return null; // comes back with the list
    // Under the words of another step, or of another network, an older picture would be taken for theirs.
    this.looks.mark(question.wanted, other || view.guide !== this.guide);
    this.guide = view.guide;
    return { pair, ...question };
  }

  private refresh(): void {
    const question = this.adopt();
    if (!question) return;
    const { pair, request, wanted } = question;
    const stored = this.showBeforehand(pair);
    if (!this.options.stores.engine.getState().status) return; // the engine is starting
    if (this.again && this.measurement.failed) this.measured = '';
    const key = requestKey(request);
    if (key !== this.measured) {
      this.measured = key;
      // What comes with the page saves the comparison of the two networks, which is most of the work.
      void stored.then(() => this.measured === key && this.shown && this.measurement.start(request));
    }
    this.looks.want(wanted, this.again);
    this.again = false;
  }

  /** What comes with the page for this pair, where it fits the columns that are wanted. */
  private async showBeforehand(pair: Pair): Promise<void> {
    if (this.store.getState().findings) return;
    const found = await this.beforehand.of(pair);
    const { findings, pair: current, view } = this.store.getState();
    if (!found || findings || !current || pairKey(current) !== pairKey(pair)) return;
    if (view.spacing !== 'heun' || view.levels !== found.sigmas.length) return;
    if (view.input !== null && view.input !== found.input) return;
    this.measurement.show(found);
  }
}

function backendOf({ engine }: Stores): string {
  const found = engine.getState().status?.backend;
  return found ? backendLine(found) : 'unknown';
}
