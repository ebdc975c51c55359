import type { DistilConfig } from '../../../distil/config';
import type { DistilRequest, SeriesPlace } from '../../../protocol/distil';
import type { DataRef } from '../../../protocol/models';
import type { SavedRequest } from '../../../protocol/runs';

/**
 * A series: runs that share teacher, data, budget and seed and differ in what their members change, made one after the
 * other. This file is what a series is and how it moves on, without stores and engine.
 *
 * How it is used: whoever wants runs compared hands a list of members to `controller.distil.startSeries`, with any
 * method and any numbers in their `changes`:
 *
 *     controller.distil.startSeries([
 *       { label: 'GDD-I', changes: { method: 'gdd-i' } },
 *       { label: 'Imitation', changes: { method: 'imitation' } },
 *     ], { name: 'GDD-I against imitation', changes: { images: 960 } });
 *
 * The page then shows the series (features/distil/series): a table and plots that grow with every distance. Each run is
 * an ordinary run of the list of runs that says its place in the series (`about.series`).
 */

/** What one run of a series changes of the settings that all share. */
export interface SeriesMember {
  /** Short: it names the run's line in table and plots. */
  label: string;
  changes: Partial<DistilConfig>;
}

/** What all runs of a series share beside the settings of the page. */
export interface SeriesShared {
  name: string;
  changes?: Partial<DistilConfig>;
  measureImages?: number;
  measureEvery?: number;
}

/** 'left out': it was still to come when the series was cancelled. */
export type SeriesRunState = 'waiting' | 'running' | 'finished' | 'stopped' | 'failed' | 'left out';

export interface SeriesRun {
  label: string;
  /** What the engine is asked for; of a person's files their names. */
  request: SavedRequest;
  state: SeriesRunState;
  error: string | null;
}

export interface Series {
  version: 1;
  id: string;
  name: string;
  runs: SeriesRun[];
  /** Why it does not go on by itself: a sentence; null = it does. */
  held: string | null;
}

export const idOf = ({ request }: SeriesRun): string => request.about.id;

/** A series of requests, in their order; each says its place. */
export function makeSeries(
  { id, name }: Pick<Series, 'id' | 'name'>,
  members: readonly { label: string; request: DistilRequest }[],
): Series {
  return {
    version: 1,
    id,
    name,
    held: null,
    runs: members.map(({ label, request }, index): SeriesRun => {
      const series: SeriesPlace = { id, name, label, index, of: members.length };
      const { paper: _, ...plain } = request; // files do not outlive their tab
      return {
        label,
        request: { ...plain, about: { ...request.about, series }, data: savedData(request.data) },
        state: 'waiting',
        error: null,
      };
    }),
  };
}

const savedData = (data: DataRef): SavedRequest['data'] =>
  data.kind === 'pack'
    ? data
    : {
        kind: 'files',
        name: data.name,
        files: data.files.map((file) => ({ name: file.webkitRelativePath || file.name, bytes: file.size })),
      };

/** The run that is under way, or was when the page closed. */
export const runningOf = ({ runs }: Series): SeriesRun | null =>
  runs.find(({ state }) => state === 'running') ?? null;

/** The run to start now; null while one is under way, where the series is held, and at its end. */
export function nextOf(series: Series): SeriesRun | null {
  if (series.held !== null || runningOf(series)) return null;
  return series.runs.find(({ state }) => state === 'waiting') ?? null;
}

export const isOver = ({ runs }: Series): boolean =>
  runs.every(({ state }) => state !== 'waiting' && state !== 'running');

const change = (series: Series, id: string, to: Partial<SeriesRun>): Series => ({
  ...series,
  runs: series.runs.map((run) => (idOf(run) === id ? { ...run, ...to } : run)),
});

export const began = (series: Series, id: string): Series =>
  change(series, id, { state: 'running', error: null });

/** How a run ended. */
export interface SeriesOutcome {
  phase: 'finished' | 'stopped' | 'failed';
  error: string | null;
  /** It went wrong by its own numbers, a collapse for one: that is its result, and the next one follows. */
  diverged: boolean;
}

/**
 * After a run has ended. One that was stopped or that diverged is followed by the next. Where the machine failed, or the
 * networks or images could not be had, the rest would fail too: the series is held, and that run is made again.
 */
export function settled(series: Series, id: string, { phase, error, diverged }: SeriesOutcome): Series {
  if (phase !== 'failed' || diverged) return change(series, id, { state: phase, error });
  return { ...change(series, id, { state: 'running', error }), held: error ?? 'The run failed.' };
}

/** No further run starts; what is under way is for the caller to stop. */
export const cancelled = (series: Series): Series => ({
  ...series,
  held: null,
  runs: series.runs.map((run) => (run.state === 'waiting' ? { ...run, state: 'left out' } : run)),
});

/** Moves on again after it was held. */
export const released = (series: Series): Series => ({ ...series, held: null });

/** What is known of a saved run that a series had begun. */
export type SavedEnd = { end: 'open' | 'finished' | 'stopped' | 'failed'; error: string | null } | null;

/**
 * A series as a new visit finds it, with what the disk says of the run that was under way (null = nothing was saved of
 * it). Where anything is left to do it waits for a person, since a visit may have another purpose.
 */
export function foundAgain(series: Series, saved: SavedEnd): Series {
  const running = runningOf(series);
  let now = series;
  if (running) {
    const id = idOf(running);
    if (!saved) now = change(now, id, { state: 'waiting', error: null });
    else if (saved.end !== 'open' && !series.held)
      now = change(now, id, { state: saved.end, error: saved.error });
  }
  return isOver(now) ? { ...now, held: null } : { ...now, held: series.held ?? 'The page was closed.' };
}

/** A person's files that the runs still to come need; null where they need none. */
export function neededFiles(series: Series): Extract<SavedRequest['data'], { kind: 'files' }> | null {
  const waiting = series.runs.find(({ state }) => state === 'waiting' || state === 'running');
  return waiting?.request.data.kind === 'files' ? waiting.request.data : null;
}

/** The files of a saved request among those that were chosen; null where one is missing or has another size. */
export function sameFiles(
  data: Extract<SavedRequest['data'], { kind: 'files' }>,
  chosen: readonly File[],
): DataRef | null {
  const byName = new Map(chosen.map((file) => [file.webkitRelativePath || file.name, file]));
  const files = data.files.flatMap(({ name, bytes }) => {
    const file = byName.get(name);
    return file && file.size === bytes ? [file] : [];
  });
  return files.length === data.files.length ? { kind: 'files', name: data.name, files } : null;
}
