import { QUANTITIES } from '../../lib/activations';
import { asInnateError } from '../../lib/errors';
import { RecentMap } from '../../lib/recent-map';
import type { EngineClient } from '../../protocol/client';
import type { InspectEvent, InspectRequest } from '../../protocol/layers';
import { requestKey } from './requests';
import { emptyFindings, type Findings, type LayersStore } from './store';
import { completeLevels } from './summary';

export interface MeasurementOptions {
  client: Pick<EngineClient, 'inspect'>;
  store: LayersStore;
  /** "wasm (2 threads)": what measures. */
  backend: () => string;
  now: () => number;
}

/** Maps that were measured and are shown again at once, in bytes. */
const KEPT_BYTES = 32 * 2 ** 20;

/** Has the map of a pair measured, one at a time, and shows what is known of it as it grows. */
export class Measurement {
  private readonly kept = new RecentMap<string, Findings>(KEPT_BYTES, findingsBytes);
  private abort: AbortController | null = null;
  /** When the tab was opened; null while it is not shown. */
  private shownAt: number | null = null;
  private lastFailed = false;

  constructor(private readonly options: MeasurementOptions) {}

  /** Whether the map that was asked for last could not be measured. */
  get failed(): boolean {
    return this.lastFailed;
  }

  /** The tab is opened: times count from here. */
  open(): void {
    this.shownAt = this.options.now();
    this.options.store.setState({ timing: { shown: null, live: null, whole: null } });
  }

  close(): void {
    this.cancel();
    this.shownAt = null;
  }

  cancel(): void {
    this.abort?.abort();
    this.abort = null;
    this.options.store.setState({ progress: null, measuring: false });
  }

  show(findings: Findings): void {
    const { store, now } = this.options;
    const { timing, version } = store.getState();
    const since = this.shownAt === null ? null : now() - this.shownAt;
    store.setState({ findings, version: version + 1, timing: { ...timing, shown: timing.shown ?? since } });
  }

  /** `again`: also what has been measured before, the comparison of the two networks included. */
  start(request: InspectRequest, again = false): void {
    const { client, store, now } = this.options;
    const key = requestKey(request);
    this.abort?.abort();
    const mine = new AbortController();
    this.abort = mine;
    this.lastFailed = false;
    const started = now();
    const done = this.kept.get(key);
    if (done && !again) {
      this.show(done);
      store.setState({ progress: null, measuring: false });
      return;
    }
    store.setState((s) => ({
      progress: null,
      error: null,
      measuring: true,
      timing: { ...s.timing, live: null, whole: null },
    }));
    const likeness = request.student && !again ? this.knownLikeness(request) : null;
    const growing = new GrowingFindings(request, likeness, this.options.backend);
    let live = false;
    const update = () => {
      const { next } = growing;
      if (this.abort !== mine || !next) return;
      const { findings } = store.getState();
      const complete = completeLevels(next.table) === request.sigmas.length;
      // A map that fits stays until the new one is whole; another one gives way at the first numbers.
      if (findings !== next && (complete || again || !fits(findings, next))) {
        const same = findings && fits(findings, next, false) ? findings : null;
        next.weights ??= same?.weights ?? null;
        next.likeness ??= same?.likeness ?? null;
        if (!live)
          store.setState((s) => ({ timing: { ...s.timing, live: now() - (this.shownAt ?? started) } }));
        live = true;
      }
      if (live) this.show(next);
    };
    const onEvent = (event: InspectEvent) => {
      if (this.abort !== mine) return;
      if (event.kind === 'progress')
        store.setState({ progress: { what: event.what, done: event.done, total: event.total } });
      else if (growing.take(event)) update();
    };
    client.inspect(likeness ? { ...request, examples: 0 } : request, { signal: mine.signal, onEvent }).then(
      (outcome) => {
        if (this.abort !== mine) return;
        if (outcome === 'complete' && growing.next) {
          this.kept.set(key, growing.next);
          this.show(growing.next);
          store.setState((s) => ({ timing: { ...s.timing, whole: now() - started } }));
        }
        store.setState({ progress: null, measuring: false });
      },
      (error) => {
        if (this.abort !== mine) return;
        const known = asInnateError(error, 'backend');
        this.lastFailed = true;
        store.setState({
          progress: null,
          measuring: false,
          error: known.code === 'cancelled' ? null : { of: 'map', line: known.describe() },
        });
      },
    );
  }

  /** The comparison of the pair in view where it is of these levels: most of the work, and the same again. */
  private knownLikeness({ sigmas }: InspectRequest): Findings['likeness'] {
    const { findings } = this.options.store.getState();
    return findings?.likeness && sameLevels(findings.sigmas, sigmas) ? findings.likeness : null;
  }
}

/** What the events of one measurement add up to. */
class GrowingFindings {
  /** null until the rows are told. */
  next: Findings | null = null;

  constructor(
    private readonly request: InspectRequest,
    private readonly likeness: Findings['likeness'],
    private readonly backend: () => string,
  ) {}

  /** Whether there is more to show now. */
  take(event: Exclude<InspectEvent, { kind: 'progress' }>): boolean {
    switch (event.kind) {
      case 'rows':
        this.next = {
          ...emptyFindings(event.rows, this.request, event.activeThreshold, this.backend()),
          likeness: this.likeness,
        };
        return false;
      case 'coarse':
        this.next!.coarse.add(event.samples);
        return true;
      case 'samples':
        this.next!.table.add(event.samples);
        return true;
      case 'student':
        this.next!.student?.add(event.samples);
        return true;
      case 'weights':
        this.next = { ...this.next!, weights: event.layers };
        return true;
      case 'likeness':
        this.next = { ...this.next!, likeness: event.likeness };
        return true;
    }
  }
}

/** Numbers of a map and its spectra, eight bytes each. */
function findingsBytes({ rows, sigmas, samples }: Findings): number {
  const spectra = rows.reduce((sum, { resolution }) => sum + resolution / 2 + 1, 0);
  return 8 * sigmas.length * (rows.length * samples * QUANTITIES.length + spectra);
}

const sameLevels = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((s, i) => Math.abs(s / b[i]! - 1) < 1e-3);

/** Whether a map that is shown can stay while the next one of the same question comes. */
function fits(shown: Findings | null, next: Findings, input = true): boolean {
  if (!shown || !sameLevels(shown.sigmas, next.sigmas) || (input && shown.input !== next.input)) return false;
  const blocks = (f: Findings) =>
    f.rows
      .filter((r) => r.part === null)
      .map((r) => r.name)
      .join();
  return blocks(shown) === blocks(next);
}
