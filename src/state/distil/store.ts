import { createStore, type StoreApi } from 'zustand/vanilla';
import type { DistilConfig } from '../../distil/config';
import type { CurvePoint } from '../../distil/curve';
import { distancesDue, samplingsDue } from '../../distil/schedule';
import { leastMissed } from '../../lib/thin';
import type {
  DistilAction,
  DistilPhase,
  DistilPlan,
  DistilRequest,
  DistilResult,
  RunAbout,
  StepEstimate,
  WayBack,
} from '../../protocol/distil';
import type { RunDistances } from '../../protocol/run-distances';
import type { RunDetail, RunSummary, UnreadableRun } from '../../protocol/runs';
import type { SamplePack } from './packs';
import { type DistilSetup, NEW_SETUP } from './setup';

/** Images of the fixed seeds at one moment of a run. */
export interface Snapshot {
  images: number;
  /** RGBA of all of them, one after the other. */
  pixels: Uint8ClampedArray<ArrayBuffer>;
  resolution: number;
  /** The student of this moment can be had. */
  student: boolean;
}

/**
 * What grows with a run. It lives outside the store's immutable state and is appended to (snapshots are also thinned,
 * and a run that goes back loses its end); `version` of the run says when it has changed.
 */
export interface History {
  points: CurvePoint[];
  snapshots: Snapshot[];
}

export interface DistilRunState {
  about: RunAbout;
  /** As it runs: numbers may have changed since it was first started. */
  config: DistilConfig;
  request: Pick<DistilRequest, 'sampleSeeds' | 'sampleEvery' | 'measureImages' | 'measureEvery'>;
  phase: DistilPhase;
  /** What was asked for and has not happened yet: a step under way ends first. */
  asked: DistilAction | null;
  preparing: { what: string; done: number; total: number } | null;
  plan: DistilPlan | null;
  history: History;
  version: number;
  /** Images a second by the clock, samples and distances included; null before two steps. */
  pace: number | null;
  /** Seconds a step beside what its points say. */
  beside: number;
  error: string | null;
  /** Where it can go on from after it diverged. */
  wayBack: WayBack | null;
  /** What happened and was survived, by topic. */
  notices: Partial<Record<'storage' | 'recovery' | 'memory', string>>;
  /** The newest save: images seen, and when by the page's clock; null before the first. */
  saved: { images: number; at: number } | null;
  /** Students of moments that had to make room. */
  thinned: boolean;
  memoryBytes: number | null;
  /** The most that it held within the last step. */
  peakBytes: number | null;
  /** The call has come back, whatever the phase. */
  ended: boolean;
  /** It did not end by itself: the page closed or crashed. */
  interrupted: boolean;
  result: DistilResult | null;
  /** What was measured of its moments afterwards. */
  distances: readonly RunDistances[];
}

/** A step measured before the start, and what it was measured for. */
export interface EstimateState {
  key: string;
  value: StepEstimate | null;
  error: string | null;
}

export interface DistilState {
  /** null until the list is here. */
  packs: readonly SamplePack[] | null;
  packsError: string | null;
  setup: DistilSetup;
  /** What of the files that came last belongs nowhere, in a sentence. */
  refused: string | null;
  /** The run in view, ended or not. */
  run: DistilRunState | null;
  shown: 'setup' | 'run' | 'runs' | 'compare' | 'series';
  /** Saved runs, newest first; null until the list is here or where this browser keeps none. */
  runs: readonly RunSummary[] | null;
  /** Saved runs that cannot be read. */
  unreadable: readonly UnreadableRun[];
  runsError: string | null;
  compared: readonly [RunDetail, RunDetail] | null;
  /** null before one was asked for; its value is null while it is measured. */
  estimate: EstimateState | null;
}

export type DistilStore = StoreApi<DistilState>;

export const createDistilStore = (): DistilStore =>
  createStore(() => ({
    packs: null,
    packsError: null,
    setup: NEW_SETUP,
    refused: null,
    run: null,
    shown: 'setup',
    runs: null,
    unreadable: [],
    runsError: null,
    compared: null,
    estimate: null,
  }));

/** A run that the engine is at. */
export const isUnderWay = (run: Pick<DistilRunState, 'ended'> | null): boolean => run !== null && !run.ended;

export const imagesSeen = (run: Pick<DistilRunState, 'history'>): number =>
  run.history.points.at(-1)?.images ?? 0;

/** Steps that the time left looks back on. */
const RECENT = 20;

/**
 * Seconds until the end, from what steps, samples and distances of this run have really taken: each is counted for as
 * often as it still comes. null before two steps (the first one compiles).
 */
export function secondsLeft({
  history,
  config,
  request,
  beside,
}: Pick<DistilRunState, 'history' | 'config' | 'request' | 'beside'>): number | null {
  const { points } = history;
  const last = points.at(-1);
  if (!last || points.length < 2) return null;
  const recent = points.slice(Math.max(1, points.length - RECENT));
  const mean = (values: readonly number[]) =>
    values.length > 0 ? values.reduce((a, b) => a + b, 0) / values.length : 0;
  const meanOf = (key: 'measureSeconds' | 'sampleSeconds') =>
    mean(points.flatMap((p) => p[key] ?? []).slice(-RECENT));
  const { images, batch } = config;
  const steps = Math.ceil(Math.max(0, images - last.images) / batch);
  const samples = samplingsDue(last.iteration, last.iteration + steps, request.sampleEvery);
  const distances =
    request.measureImages > 0 ? distancesDue(last.images, images, request.measureEvery, images) : 0;
  return (
    steps * (mean(recent.map((p) => batch / p.imagesPerSecond)) + beside) +
    samples * meanOf('sampleSeconds') +
    distances * meanOf('measureSeconds')
  );
}

/** Leaving the page would lose what was made: it is not saved, or not to its last step. */
export const wouldLose = ({ run, runs }: Pick<DistilState, 'run' | 'runs'>): boolean =>
  (run !== null && run.history.points.length > 0 && run.notices.storage !== undefined) ||
  (runs?.some((saved) => saved.unsaved) ?? false);

/**
 * Adds a snapshot and, where there are too many, drops the one whose neighbours are closest: the rest stays spread
 * over the whole run. The first and the newest always stay.
 */
export function addSnapshot(snapshots: Snapshot[], snapshot: Snapshot, most: number): void {
  const last = snapshots.at(-1);
  if (last && last.images >= snapshot.images) snapshots.pop(); // made again at the same moment
  snapshots.push(snapshot);
  if (snapshots.length <= most) return;
  snapshots.splice(leastMissed(snapshots.map((s) => s.images)), 1);
}

/** Index of the snapshot nearest to a moment; -1 where there is none. */
export function nearestSnapshot(snapshots: readonly Pick<Snapshot, 'images'>[], images: number): number {
  let best = -1;
  for (const [i, snapshot] of snapshots.entries())
    if (best < 0 || Math.abs(snapshot.images - images) < Math.abs(snapshots[best]!.images - images)) best = i;
  return best;
}

/** Back to an earlier moment: what came after it will be made again. */
export function rewind({ points, snapshots }: History, iteration: number, images: number): void {
  while (points.length > 0 && points.at(-1)!.iteration > iteration) points.pop();
  while (snapshots.length > 0 && snapshots.at(-1)!.images > images) snapshots.pop();
}

/** Seconds of steps up to each point: what the clock would say without samples, distances and pauses. */
export function stepSeconds(points: readonly CurvePoint[], batch: number): number[] {
  let sum = 0;
  return points.map(({ imagesPerSecond }) => {
    sum += batch / imagesPerSecond;
    return sum;
  });
}

/** Share of its own best below which the spread of the samples is a warning. */
const NARROWING = 0.5;

/** The samples are becoming alike: what their spread is and was at its best; null where they are not. */
export function narrowing(
  points: readonly Pick<CurvePoint, 'images' | 'sampleSpread'>[],
): { now: number; best: number; at: number } | null {
  const known = points.flatMap(({ images, sampleSpread }) =>
    sampleSpread === undefined ? [] : [{ images, spread: sampleSpread }],
  );
  const [before, now] = known.slice(-2);
  if (known.length < 3 || !before || !now) return null;
  const best = known.reduce((a, b) => (b.spread > a.spread ? b : a));
  if (Math.max(before.spread, now.spread) >= NARROWING * best.spread) return null;
  return { now: now.spread, best: best.spread, at: best.images };
}

const COLUMNS = [
  'iteration',
  'images',
  'lossG',
  'lossD',
  'logitsReal',
  'logitsFake',
  'r1',
  'gradientNormG',
  'gradientNormD',
  'imagesPerSecond',
  'frechet',
  'frechetError',
  'spread',
  'sampleSpread',
] as const satisfies readonly (keyof CurvePoint)[];

/** The curves as a table; what was not measured is empty. */
export function curvesCsv(points: readonly CurvePoint[]): string {
  const rows = points.map((point) => COLUMNS.map((key) => point[key] ?? '').join(','));
  return `${[COLUMNS.join(','), ...rows].join('\n')}\n`;
}

/** "clothes-student-run-1-gdd-i-640-images": a name for files. */
export const fileStem = (
  about: Pick<RunAbout, 'name'>,
  { method }: Pick<DistilConfig, 'method'>,
  images: number,
) =>
  `${about.name} ${method} ${images} images`
    .toLowerCase()
    .replace(/[^\w.-]+/g, '-')
    .slice(0, 120);

const UNSAVED =
  'The disk had no room for this run: it is kept as long as the page is open. Free some room and try again, or save its student or its full state as a file.';

/** A saved run as it is looked at: nothing of it is under way. */
export function openedRun(detail: RunDetail): DistilRunState {
  const { record, curve, samples } = detail;
  return {
    about: record.about,
    config: record.config,
    request: record.request,
    phase: record.end === 'open' ? 'stopped' : record.end,
    asked: null,
    preparing: null,
    plan: record.plan,
    history: { points: [...curve], snapshots: [...samples] },
    version: 0,
    pace: null,
    beside: 0,
    error: record.error,
    wayBack: record.wayBack,
    notices: detail.unsaved && !detail.busy ? { storage: UNSAVED } : {},
    saved: { images: record.images, at: 0 },
    thinned: record.thinned > 0,
    memoryBytes: null,
    peakBytes: null,
    ended: true,
    interrupted: record.end === 'open' && !detail.busy,
    result: null,
    distances: detail.distances,
  };
}
