import { createStore, type StoreApi } from 'zustand/vanilla';
import type { CurvePoint } from '../distil/state';
import type {
  DistilAction,
  DistilPhase,
  DistilPlan,
  DistilRequest,
  DistilResult,
} from '../engine/distil-protocol';
import { type DistilSetup, NEW_SETUP } from './distil-setup';
import type { ModelFacts } from './models';
import type { SamplePack } from './packs';

/** Images of the fixed seeds at one moment of a run. */
export interface Snapshot {
  images: number;
  /** RGBA of all of them, one after the other. */
  pixels: Uint8ClampedArray<ArrayBuffer>;
  resolution: number;
}

/**
 * What grows with a run. It lives outside the store's immutable state and is only ever appended to (snapshots are
 * also thinned); `version` of the run says when it has changed.
 */
export interface History {
  points: CurvePoint[];
  snapshots: Snapshot[];
}

export interface DistilRunState {
  /** 1, 2, ... on this page. */
  number: number;
  request: DistilRequest;
  teacher: ModelFacts;
  /** "Clothes student": what its images are called. */
  name: string;
  dataName: string;
  phase: DistilPhase;
  /** What was asked for and has not happened yet: a step under way ends first. */
  asked: DistilAction | null;
  preparing: { what: string; done: number; total: number } | null;
  plan: DistilPlan | null;
  history: History;
  version: number;
  /** Images a second by the clock, samples and distances included; null before two steps. */
  pace: number | null;
  error: string | null;
  /** The call has come back, whatever the phase. */
  ended: boolean;
  result: DistilResult | null;
}

export interface DistilState {
  /** null until the list is here. */
  packs: readonly SamplePack[] | null;
  packsError: string | null;
  setup: DistilSetup;
  /** The last run, ended or not. */
  run: DistilRunState | null;
  shown: 'setup' | 'run';
}

export type DistilStore = StoreApi<DistilState>;

export const createDistilStore = (): DistilStore =>
  createStore(() => ({ packs: null, packsError: null, setup: NEW_SETUP, run: null, shown: 'setup' }));

/** A run that leaving the page would end. */
export const isUnderWay = (run: Pick<DistilRunState, 'ended'> | null): boolean => run !== null && !run.ended;

export const imagesSeen = (run: Pick<DistilRunState, 'history'>): number =>
  run.history.points.at(-1)?.images ?? 0;

/** Seconds until the end at the pace so far. */
export function secondsLeft(run: Pick<DistilRunState, 'history' | 'pace' | 'request'>): number | null {
  if (run.pace === null) return null;
  return Math.max(0, run.request.config.images - imagesSeen(run)) / run.pace;
}

/**
 * Adds a snapshot and, where there are too many, drops the one whose neighbours are closest: the rest stays spread
 * over the whole run. The first and the newest always stay.
 */
export function addSnapshot(snapshots: Snapshot[], snapshot: Snapshot, most: number): void {
  const last = snapshots.at(-1);
  if (last && last.images >= snapshot.images) snapshots.pop(); // made again at the same moment
  snapshots.push(snapshot);
  if (snapshots.length <= most) return;
  let drop = 1;
  let closest = Number.POSITIVE_INFINITY;
  for (let i = 1; i < snapshots.length - 1; i++) {
    const gap = snapshots[i + 1]!.images - snapshots[i - 1]!.images;
    if (gap < closest) {
      closest = gap;
      drop = i;
    }
  }
  snapshots.splice(drop, 1);
}

/** Index of the snapshot nearest to a moment; -1 where there is none. */
export function nearestSnapshot(snapshots: readonly Pick<Snapshot, 'images'>[], images: number): number {
  let best = -1;
  for (const [i, snapshot] of snapshots.entries())
    if (best < 0 || Math.abs(snapshot.images - images) < Math.abs(snapshots[best]!.images - images)) best = i;
  return best;
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
  'imagesPerSecond',
  'frechet',
  'frechetError',
  'spread',
] as const satisfies readonly (keyof CurvePoint)[];

/** The curves as a table; what was not measured is empty. */
export function curvesCsv(points: readonly CurvePoint[]): string {
  const rows = points.map((point) => COLUMNS.map((key) => point[key] ?? '').join(','));
  return `${[COLUMNS.join(','), ...rows].join('\n')}\n`;
}

/** "clothes-student-gdd-i-640-images": a name for files. */
export function fileStem({
  name,
  request,
  history,
}: Pick<DistilRunState, 'name' | 'request' | 'history'>): string {
  return `${name} ${request.config.method} ${imagesSeen({ history })} images`
    .toLowerCase()
    .replace(/[^\w.-]+/g, '-')
    .slice(0, 120);
}
