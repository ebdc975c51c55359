import { asInnateError } from '../../../lib/errors';
import type { EngineClient } from '../../../protocol/client';
import type { DistilAction, DistilRequest } from '../../../protocol/distil';
import type { DataRef } from '../../../protocol/models';
import type { PaperFiles } from '../../../protocol/paper-files';
import type { Stores } from '../../app-state';
import { newRun } from '../new-run';
import { filesFor } from '../paper-files';
import { settledSetup } from '../settings';
import { distilRequest, obstacle, type SettledSetup } from '../setup';
import { type DistilRunState, type DistilState, isUnderWay } from '../store';
import {
  began,
  cancelled,
  foundAgain,
  idOf,
  isOver,
  makeSeries,
  neededFiles,
  nextOf,
  released,
  runningOf,
  type SavedEnd,
  type Series,
  type SeriesMember,
  type SeriesShared,
  sameFiles,
  settled,
} from './series';

export interface SeriesController {
  /**
   * Makes a run of each member, one after the other, from the settings of the page and what all share. Gives the
   * sentence that says what stands in the way; null = it has begun.
   */
  startSeries(members: readonly SeriesMember[], shared: SeriesShared): string | null;
  /** Ends the run under way and starts no other; what was made stays in the list of runs. */
  cancelSeries(): void;
  /**
   * Goes on with a series that was held or that the last visit left; the run that was under way from its last save.
   * `files` are a person's images where the runs need them and this visit does not have them.
   */
  goOnWithSeries(files?: readonly File[]): Promise<void>;
  /** Reads what became of the series of the last visit; the engine must have started. */
  loadSeries(): Promise<void>;
  /** Shows a series by its id, with the curves of its runs. */
  showSeries(id: string): Promise<void>;
}

export interface SeriesOptions {
  client: Pick<EngineClient, 'runs'>;
  stores: Stores;
  /** Sends a request to the engine; the view stays what `shown` says. */
  follow(run: DistilRunState, request: DistilRequest, shown: DistilState['shown']): void;
  /** Goes on with a saved run. */
  resume(id: string, how: { files: File[] }): Promise<void>;
  control(action: DistilAction): void;
  newId(): string;
  newNumber(): number;
}

export function createSeriesController(options: SeriesOptions): SeriesController {
  const controller = new Controller(options);
  return {
    startSeries: (members, shared) => controller.start(members, shared),
    cancelSeries: () => controller.cancel(),
    goOnWithSeries: (files = []) => controller.goOn(files),
    loadSeries: () => controller.load(),
    showSeries: (id) => controller.show(id),
  };
}

class Controller {
  /** A person's images, which a browser does not keep between visits. */
  private files: DataRef | null = null;
  /** Nor the files of the published method. */
  private paper: PaperFiles = {};
  /** The series of the last visit is looked at once. */
  private looked = false;

  constructor(private readonly options: SeriesOptions) {
    options.stores.distil.subscribe(({ run }, before) => {
      if (run?.ended && !(before.run?.about.id === run.about.id && before.run.ended)) this.ended(run);
    });
  }

  start(members: readonly SeriesMember[], shared: SeriesShared): string | null {
    const { stores, newId, newNumber } = this.options;
    if (isUnderWay(stores.distil.getState().run))
      return 'A run is under way: stop it first, or wait until it ends.';
    if (this.series && !isOver(this.series) && !this.series.held) return 'A series is under way.';
    const first = newNumber();
    const made: { label: string; request: DistilRequest }[] = [];
    for (const [i, { label, changes }] of members.entries()) {
      const setup = memberSetup(settledSetup(stores), shared, changes);
      const request = distilRequest(setup, { id: newId(), number: first + i });
      if (!request) return `${label}: ${obstacle(setup) ?? 'cannot be started.'}`;
      made.push({
        label,
        request: { ...request, about: { ...request.about, name: `${request.about.name}, ${label}` } },
      });
    }
    if (made.length === 0) return 'There is nothing to try.';
    const data = made[0]!.request.data;
    this.files = data.kind === 'files' ? data : null;
    this.paper = made[0]!.request.paper ?? {};
    this.set(makeSeries({ id: newId(), name: shared.name }, made));
    stores.series.setState({ shown: this.series!.id, details: [], error: null });
    stores.distil.setState({ shown: 'series' });
    this.looked = true;
    this.advance();
    return null;
  }

  cancel(): void {
    const { series } = this;
    if (!series) return;
    const running = runningOf(series);
    const { run } = this.options.stores.distil.getState();
    const alive = running && run?.about.id === idOf(running) && !run.ended;
    let now = cancelled(series);
    // What no engine is at any more ends here.
    if (running && !alive)
      now = settled(now, idOf(running), { phase: 'stopped', error: null, diverged: false });
    this.set(now);
    if (alive) this.options.control('stop');
  }

  async goOn(files: readonly File[]): Promise<void> {
    const { stores, resume } = this.options;
    const { series } = this;
    if (!series || isUnderWay(stores.distil.getState().run)) return;
    const needed = neededFiles(series);
    const kept = this.files;
    if (needed && !kept) {
      this.files = sameFiles(needed, files);
      if (!this.files) {
        stores.series.setState({
          error: `Choose ${needed.name} again: the same ${needed.files.length} files.`,
        });
        return;
      }
    }
    stores.series.setState({ error: null, shown: series.id });
    stores.distil.setState({ shown: 'series' });
    const running = runningOf(series);
    this.set(released(series));
    if (!running) return this.advance();
    const given = this.files?.kind === 'files' ? [...this.files.files] : [];
    await resume(idOf(running), { files: given });
    const { run, runsError } = stores.distil.getState();
    stores.distil.setState({ shown: 'series' });
    if (run?.about.id !== idOf(running))
      this.set({ ...this.series!, held: runsError ?? 'The run could not be opened.' });
  }

  async load(): Promise<void> {
    if (this.looked) return;
    this.looked = true;
    const { series } = this;
    if (!series || isOver(series)) return;
    const running = runningOf(series);
    const found = running && (await this.saved(idOf(running)));
    if (found === 'busy') {
      this.looked = false; // another tab is at it: this one looks again when its list of runs is read
      return;
    }
    if (this.series === series) this.set(foundAgain(series, found ?? null));
  }

  async show(id: string): Promise<void> {
    const { stores } = this.options;
    stores.series.setState((s) => ({ shown: id, details: s.shown === id ? s.details : [], error: null }));
    stores.distil.setState({ shown: 'series' });
    await this.readDetails();
  }

  private get series(): Series | null {
    return this.options.stores.series.getState().series;
  }

  private set(series: Series): void {
    this.options.stores.series.setState({ series });
  }

  /** Starts the next run, where it is its turn. */
  private advance(): void {
    const { stores, follow } = this.options;
    const { series } = this;
    const next = series && nextOf(series);
    if (!next || isUnderWay(stores.distil.getState().run)) return;
    const { data, ...rest } = next.request;
    const ref = data.kind === 'pack' ? data : this.files;
    if (!ref) {
      this.set({ ...series, held: 'Its images have to be chosen again.' });
      return;
    }
    const paper = filesFor(rest.config, this.paper, stores.distil.getState().setup.given);
    if (!paper) {
      this.set({ ...series, held: 'Choose the files of its method again, beside the preset, and go on.' });
      return;
    }
    this.set(began(series, idOf(next)));
    const request: DistilRequest = { ...rest, data: ref, paper };
    const { shown } = stores.distil.getState();
    follow(newRun(request), request, shown);
  }

  /** A run came to its end: the series takes note, and moves on once everybody else has heard of it. */
  private ended(run: DistilRunState): void {
    const { series } = this;
    const running = series && runningOf(series);
    if (!series || !running || idOf(running) !== run.about.id || series.held) return;
    const phase = run.phase === 'finished' || run.phase === 'failed' ? run.phase : 'stopped';
    this.set(settled(series, run.about.id, { phase, error: run.error, diverged: run.wayBack !== null }));
    queueMicrotask(() => {
      void this.readDetails();
      this.advance();
    });
  }

  private async saved(id: string): Promise<SavedEnd | 'busy'> {
    const list = await this.options.client.runs({ do: 'list' }).catch(() => null);
    const found = list?.runs.find(({ record }) => record.about.id === id);
    if (!found) return null;
    return found.busy ? 'busy' : { end: found.record.end, error: found.record.error };
  }

  /** The curves of the runs of the series in view, as far as they are saved. */
  private async readDetails(): Promise<void> {
    const { client, stores } = this.options;
    const { shown } = stores.series.getState();
    if (!shown) return;
    try {
      const list = await client.runs({ do: 'list' });
      const ids = (list?.runs ?? []).flatMap(({ record }) => {
        const { id, series } = record.about;
        return series?.id === shown ? [{ id, index: series.index }] : [];
      });
      const details = await Promise.all(
        ids.sort((a, b) => a.index - b.index).map(({ id }) => client.runs({ do: 'open', run: id })),
      );
      if (stores.series.getState().shown === shown) stores.series.setState({ details });
    } catch (error) {
      stores.series.setState({ error: `${asInnateError(error).describe()}.` });
    }
  }
}

/** The settings of one member: the page's, what all share, and its own. */
export function memberSetup(
  setup: SettledSetup,
  { changes, measureImages, measureEvery }: Omit<SeriesShared, 'name'>,
  own: SeriesMember['changes'],
): SettledSetup {
  const config = { ...setup.config, ...changes, ...own };
  return {
    ...setup,
    config,
    measureImages: measureImages ?? setup.measureImages,
    measureEvery: measureEvery ?? setup.measureEvery,
    // Samples at every distance show how far each choice is; others would only cost time.
    sampleEvery: Math.max(1, Math.round((measureEvery ?? setup.measureEvery) / config.batch)),
  };
}
