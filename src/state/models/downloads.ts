import { asInnateError } from '../../lib/errors';
import { sentence } from '../../lib/words';
import { type DownloadClient, FailedDownload } from '../../protocol/download-client';
import type { Checked, DownloadProgress, OnDevice, Wanted } from '../../protocol/downloads';
import type { FileChoice } from '../../protocol/models';
import type { Stores } from '../app-state';
import type { ViewState } from '../generate/view';
import { endOf, type LongSteps, type StepTeller } from '../long-steps';
import type { DownloadNews } from './downloads-store';
import { OtherTabs, type TabChannel } from './other-tabs';
import type { RowActions, RowState } from './rows';
import { consentTo, isPasted, wantedAddress, wantedModel } from './wanted';

export interface Downloads extends RowActions {
  /** Looks for what earlier visits have left. */
  list(): Promise<void>;
  /** Asks for consent to download a pasted address; a sentence where it is none, null where the dialog is open. */
  paste(text: string): Promise<string | null>;
  /** The dialog's own Download: only now is anything asked of the host. */
  agree(): void;
  decline(): void;
  /** Says how a file that has come is meant, where it leaves that open; nothing is asked of its host. */
  choose(id: string, chosen: string): void;
  dismiss(id: string): void;
  /** Reads a model whole and compares its checksum; null where it is another one, which is told. */
  check(id: string, name: string): Promise<Checked | null>;
}

/** The step of checking that model, in the list of what takes long. */
export const checkingKey = (id: string): string => `checking ${id}`;

export interface DownloadsOptions {
  client: DownloadClient;
  stores: Pick<Stores, 'rows' | 'catalogue' | 'view' | 'downloads' | 'engine'>;
  steps: LongSteps;
  hosts: readonly string[];
  /** Bytes that may still be stored; null where the browser does not say. */
  free: () => Promise<number | null>;
  /** Asks the browser not to clear what is kept when the disk runs full. */
  persist?: () => void;
  /** What other tabs of this browser hear, and say; null where there is none. */
  channel: TabChannel | null;
  /** Shows a model in Generate. */
  show: (key: string) => void;
  /** Opens what this browser keeps. */
  openKept: () => Promise<void>;
  /** Tells the engine that a model's file goes. */
  forget: (id: string) => Promise<void>;
}

/** Milliseconds between two reports of one download. */
const REPORT_MS = 250;
/** Milliseconds after which is looked whether another tab is still at what it was at. */
const WATCH_MS = 3000;

/** The page's downloads: nothing is asked of another host before `agree`, `resume` included what was agreed to before. */
export function createDownloads(options: DownloadsOptions): Downloads {
  const { client, stores, steps, hosts, show } = options;
  const { rows, downloads } = stores;
  const running = new Map<string, AbortController>();
  /** What was begun in this visit or an earlier one. */
  const begun = new Map<string, Wanted>();
  /** Numbers of lists: the newest that was asked for, and the newest that came. */
  let asked = 0;
  let taken = 0;
  let watching: ReturnType<typeof setTimeout> | null = null;
  const others = new OtherTabs(options.channel, {
    row(id, state) {
      if (running.has(id)) return;
      setRow(id, state);
      watch();
    },
    cancel: (id) => running.get(id)?.abort(),
    changed: () => void list(),
  });

  function setRow(id: string, state: RowState | null): void {
    rows.setState((s) => {
      const { [id]: _, ...rest } = s.rows;
      return { rows: state ? { ...rest, [id]: state } : rest };
    });
  }

  function tell(id: string, news: Omit<DownloadNews, 'id'> | null): void {
    downloads.setState((s) => ({
      news: [...s.news.filter((n) => n.id !== id), ...(news ? [{ id, ...news }] : [])],
    }));
  }

  /** A tab may end without a word. */
  function watch(): void {
    const elsewhere = Object.values(rows.getState().rows).some(isElsewhere);
    if (!elsewhere || watching !== null) return;
    watching = setTimeout(() => {
      watching = null;
      void list();
    }, WATCH_MS);
  }

  async function list(): Promise<void> {
    const mine = ++asked;
    const found = await client.list().catch((error) => {
      tell('', { text: lineOf(error), failed: true, address: null, use: null });
      return null;
    });
    // Of two that overlap, the one that was asked for first may come last, and knows less.
    if (!found || mine < taken) return;
    taken = mine;
    take(found);
  }

  function take({ here, parts, problems }: OnDevice): void {
    const states: Record<string, RowState> = {};
    for (const { id, bytes } of here) states[id] = { kind: 'here', bytes };
    for (const { wanted, done, total, busy } of parts) {
      begun.set(wanted.id, wanted);
      if (running.has(wanted.id)) continue;
      const before = rows.getState().rows[wanted.id];
      if (!busy) states[wanted.id] = { kind: 'broken', done, total };
      else if (before && isElsewhere(before)) states[wanted.id] = before;
      else states[wanted.id] = { kind: 'downloading', done, total, rate: null, left: null, elsewhere: true };
    }
    rows.setState((s) => ({
      rows: {
        ...s.fetched,
        ...states,
        ...Object.fromEntries(Object.entries(s.rows).filter(([id]) => running.has(id))),
      },
    }));
    const pasted = parts.filter(({ wanted }) => isPasted(wanted.id)).map(({ wanted }) => wanted);
    downloads.setState((s) => ({
      pasted: [
        ...pasted,
        ...s.pasted.filter(({ id }) => running.has(id) && !pasted.some((p) => p.id === id)),
      ],
    }));
    watch();
    for (const text of problems) tell(text, { text, failed: true, address: null, use: null });
  }

  /** `choice`: how the file is meant, where it leaves that open. */
  async function start(wanted: Wanted, choice: FileChoice = {}): Promise<void> {
    const { id } = wanted;
    if (running.has(id)) return;
    const abort = new AbortController();
    running.set(id, abort);
    begun.set(id, wanted);
    const step = steps.begin({
      kind: 'downloading',
      key: `downloading ${id}`,
      subject: wanted.title,
      cancel: () => abort.abort(),
      place: { tab: 'models', measured: null },
    });
    tell(id, null);
    options.persist?.();
    const { tab, model } = stores.view.getState();
    const waits = () => waitsStill({ tab, model }, stores.view.getState());
    const before = rows.getState().rows[id];
    const known = before && 'done' in before ? before : { done: 0, total: wanted.bytes };
    report(id, step, { phase: 'connecting', done: known.done, total: known.total, rate: null, left: null });
    if (isPasted(id))
      downloads.setState((s) => ({ pasted: [...s.pasted.filter((p) => p.id !== id), wanted] }));
    try {
      const { key, notes } = await client.download(withChoice(wanted, choice), {
        signal: abort.signal,
        onProgress: throttled((progress) => running.get(id) === abort && report(id, step, progress)),
      });
      running.delete(id);
      step.end('done');
      await list();
      const open = await arrived(wanted, key, waits);
      const anew = notes.filter((note) => note.endsWith('started anew.'));
      tell(id, {
        text: [`${wanted.title} is on this device.`, ...anew].join(' '),
        failed: false,
        address: null,
        use: open ? key : null,
      });
    } catch (error) {
      running.delete(id);
      const { choose } = asInnateError(error).detail;
      step.end(choose ? 'done' : endOf(error)); // what asks how it is meant has come
      await list();
      if (isCancelled(error)) return;
      if (choose) {
        const text = questionOf(wanted, choose.what);
        tell(id, { text, failed: true, address: null, use: null, choose: { ...choose, before: choice } });
        return;
      }
      const address = (error instanceof FailedDownload && error.address) || wanted.address;
      tell(id, { text: lineOf(error), failed: true, address, use: null });
    } finally {
      others.changed();
    }
  }

  /** Shows what has come to a person who waits for it, and nobody else. Whether it can be shown. */
  async function arrived({ id }: Wanted, key: string, waits: () => boolean): Promise<boolean> {
    const closed = () => stores.engine.getState().closed;
    // What has come may be the teacher of a difference that is kept.
    if (isPasted(id) || closed().length > 0) await options.openKept();
    if (closed().some((file) => file.key === key)) return false;
    if (waits() && running.size === 0) show(key);
    return true;
  }

  function report(id: string, step: StepTeller, progress: DownloadProgress): void {
    const { phase, done, total, rate, left } = progress;
    step.progress({
      ...(phase !== 'receiving' && { what: PHASES[phase] }),
      done,
      total,
      unit: 'bytes',
      left: phase === 'receiving' ? left : null,
    });
    const state: RowState = { kind: 'downloading', phase, done, total, rate, left };
    setRow(id, state);
    others.row(id, { ...state, elsewhere: true });
  }

  async function ask(wanted: Wanted, free: Promise<number | null>): Promise<void> {
    const model = stores.catalogue.getState().catalogue?.models.find((m) => m.id === wanted.id) ?? null;
    downloads.setState({ consent: consentTo(wanted, model, await free) });
  }

  return {
    list,
    offers: (model) => wantedModel(model, hosts) !== null,
    download(id) {
      const model = stores.catalogue.getState().catalogue?.models.find((m) => m.id === id);
      const wanted = model && wantedModel(model, hosts);
      if (wanted) void ask(wanted, options.free());
    },
    async paste(text) {
      const wanted = await wantedAddress(text, hosts);
      if (typeof wanted === 'string') return wanted;
      await ask(wanted, options.free());
      return null;
    },
    agree() {
      const { consent } = downloads.getState();
      downloads.setState({ consent: null });
      if (consent) void start(consent.wanted);
    },
    decline: () => downloads.setState({ consent: null }),
    choose(id, chosen) {
      const wanted = begun.get(id);
      const { choose } = downloads.getState().news.find((n) => n.id === id) ?? {};
      if (wanted && choose) void start(wanted, { ...choose.before, [choose.what]: chosen });
    },
    cancel(id) {
      if (running.has(id)) running.get(id)!.abort();
      else others.cancel(id);
    },
    resume(id) {
      const wanted = begun.get(id);
      if (wanted) void start(wanted);
    },
    remove(id) {
      tell(id, null);
      void (async () => {
        try {
          await options.forget(id);
          await client.remove(id);
        } catch (error) {
          tell(id, { text: lineOf(error), failed: true, address: null, use: null });
        }
        await list();
        others.changed();
      })();
    },
    async check(id, name) {
      tell(id, null);
      const abort = new AbortController();
      const step = steps.begin({
        kind: 'checking',
        key: checkingKey(id),
        subject: name,
        cancel: () => abort.abort(),
        place: { tab: 'models', measured: null },
      });
      try {
        const onProgress = ({ done, total }: DownloadProgress) =>
          step.progress({ done, total, unit: 'bytes' });
        const checked = await client.check(id, { signal: abort.signal, onProgress });
        step.end('done');
        return checked;
      } catch (error) {
        const end = endOf(error);
        step.end(end);
        if (end === 'failed') tell(id, { text: lineOf(error), failed: true, address: null, use: null });
        return null;
      }
    },
    dismiss: (id) => tell(id, null),
  };
}

const PHASES: Record<Exclude<DownloadProgress['phase'], 'receiving'>, string> = {
  connecting: 'connecting',
  checking: 'reading what is here',
  waiting: 'connection lost',
  converting: 'converting to float16',
};

const isElsewhere = (state: RowState): boolean => state.kind === 'downloading' && state.elsewhere === true;

/** In Models, or at the same model in Generate as when it began. Rows of Compare follow by themselves. */
const waitsStill = (
  begun: Pick<ViewState, 'tab' | 'model'>,
  { tab, model, compare }: Pick<ViewState, 'tab' | 'model' | 'compare'>,
): boolean =>
  tab === 'models' || (tab === 'generate' && !compare && begun.tab === 'generate' && begun.model === model);

const isCancelled = (error: unknown): boolean => asInnateError(error).code === 'cancelled';

const withChoice = (wanted: Wanted, choice: FileChoice): Wanted =>
  Object.keys(choice).length > 0 ? { ...wanted, choice } : wanted;

/** What a person is asked of a file that has come. */
const questionOf = ({ title }: Wanted, what: keyof FileChoice): string =>
  what === 'entry'
    ? `${title} is on this device and holds several networks. Choose the one that is meant; nothing is downloaded again.`
    : `${title} is on this device; which formula wraps its network is not known here. Choose it; nothing is downloaded again.`;

/** A sentence; names of files and models stay as they are written. */
function lineOf(error: unknown): string {
  const known = asInnateError(error);
  const line = known.describe();
  return `${known.detail.where ? line : sentence(line)}.`;
}

/**
 * Changes of what is done come at once, more of the same a few times a second; the last of it always comes, since a
 * connection may be silent after it.
 */
function throttled(report: (progress: DownloadProgress) => void): (progress: DownloadProgress) => void {
  let last = { phase: '', time: 0 };
  let waiting: { progress: DownloadProgress; timer: ReturnType<typeof setTimeout> } | null = null;
  const send = (progress: DownloadProgress) => {
    if (waiting) clearTimeout(waiting.timer);
    waiting = null;
    last = { phase: progress.phase, time: Date.now() };
    report(progress);
  };
  return (progress) => {
    const left = REPORT_MS - (Date.now() - last.time);
    if (progress.phase !== last.phase || left <= 0 || progress.done === progress.total) send(progress);
    else if (waiting) waiting.progress = progress;
    else waiting = { progress, timer: setTimeout(() => waiting && send(waiting.progress), left) };
  };
}
