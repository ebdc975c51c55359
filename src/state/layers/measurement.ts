import { QUANTITIES } from '../../lib/activations';
import { asInnateError } from '../../lib/errors';
import { RecentMap } from '../../lib/recent-map';
import { TimeLeft } from '../../lib/time-left';
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
    /** null until the rows are told. */
    let growing: GrowingFindings | null = null;
    let live = false;
    const update = (next: Findings) => {
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
    const left = new TimeLeft(now);
    const onEvent = (event: InspectEvent) => {
      if (this.abort !== mine) return;
      if (event.kind === 'progress') {
        const { what, done, total } = event;
        store.setState({ progress: { what, done, total, left: left.of(event) } });
      } else if (event.kind === 'rows') {
        const empty = emptyFindings(event.rows, request, event.activeThreshold, this.options.backend());
        growing = new GrowingFindings({ ...empty, likeness });
      } else if (growing) update(growing.take(event));
    };
    client.inspect(likeness ? { ...request, examples: 0 } : request, { signal: mine.signal, onEvent }).then(
      (outcome) => {
        if (this.abort !== mine) return;
        if (outcome === 'complete' && growing) {
          this.kept.set(key, growing.findings);
          this.show(growing.findings);
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
  constructor(public findings: Findings) {}

  /** The findings with what an event adds to them. */
  take(event: Exclude<InspectEvent, { kind: 'progress' | 'rows' }>): Findings {
    switch (event.kind) {
      case 'coarse':
        this.findings.coarse.add(event.samples);
        break;
      case 'samples':
        this.findings.table.add(event.samples);
        break;
      case 'student':
        this.findings.student?.add(event.samples);
        break;
      case 'weights':
        this.findings = { ...this.findings, weights: event.layers };
        break;
      case 'likeness':
        this.findings = { ...this.findings, likeness: event.likeness };
    }
    return this.findings;
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
