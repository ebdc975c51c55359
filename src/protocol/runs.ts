import type { DistilConfig } from '../distil/config';
import type { CurvePoint } from '../distil/curve';
import type { DistilPlan, DistilRequest, RunAbout, WayBack } from './distil';
import type { MeasureFeatures } from './measure';
import type { ModelInfo } from './models';
import type { NamedFile } from './paper-files';
import type { RunDistances } from './run-distances';

/** What the page and the worker say about the runs that are saved in this browser. */

/** How a saved run ended; 'open' = it did not: the page closed, crashed, or is at it right now. */
export type RunEnd = 'open' | 'finished' | 'stopped' | 'failed';

/** What a saved run was asked for. Files are named: their bytes lie beside it, or have to be chosen again. */
export type SavedRequest = Omit<DistilRequest, 'data' | 'paper'> & {
  data: { kind: 'pack'; id: string } | { kind: 'files'; name: string; files: NamedFile[] };
  secondFeatures?: NamedFile;
};

/** A run as it is written down at every save (engine/runs/folder). */
export interface RunRecord {
  version: 1;
  about: RunAbout;
  notes: string;
  /** Milliseconds since 1970. */
  created: number;
  updated: number;
  request: SavedRequest;
  config: DistilConfig;
  end: RunEnd;
  error: string | null;
  /** Where a run that diverged can go on from, with lower rates. */
  wayBack: WayBack | null;
  iteration: number;
  images: number;
  /** Newest distance and the best one. */
  frechet: Distance | null;
  best: Distance | null;
  plan: DistilPlan | null;
  backend: string;
  /** What of it lies beside the record, so that it can go on without the user's files. */
  kept: { teacher: boolean; student: boolean; data: boolean; secondFeatures?: boolean };
  /** Moments whose students had to go to make room. */
  thinned: number;
}

/** Name of a person's own images where they were too large to keep and have to be chosen again; null where they are here. */
export const missingImages = ({
  request: { data },
  kept,
}: Pick<RunRecord, 'request' | 'kept'>): string | null =>
  data.kind === 'files' && !kept.data ? data.name : null;

export interface Distance {
  images: number;
  value: number;
  error: number | null;
}

/** A saved run that cannot be read: it stays as it is until a person exports or deletes it. */
export interface UnreadableRun {
  id: string;
  /** Bytes on disk, as far as the run's files can be reached. */
  bytes: number;
  /** It is being written, by this tab or another one. */
  busy: boolean;
  /** Why it cannot be read, in one line. */
  reason: string;
  /** Its newest state is whole: the command line goes on from it. */
  state: boolean;
}

/** All runs on this disk, newest first. */
export interface RunList {
  runs: RunSummary[];
  unreadable: UnreadableRun[];
}

export interface RunSummary {
  record: RunRecord;
  /** Bytes on disk. */
  bytes: number;
  /** It is being written, by this tab or another one. */
  busy: boolean;
  /** It is further than what is on disk, which is full: the rest goes with the page. */
  unsaved: boolean;
  /** What has to be chosen again before it can go on, in words; null = nothing. */
  missing: string | null;
  /** The newest samples; null where there are none. */
  preview: SavedSamples | null;
}

export interface SavedSamples {
  images: number;
  resolution: number;
  /** RGBA, one after the other. */
  pixels: Uint8ClampedArray<ArrayBuffer>;
  /** The student of that moment can be had. */
  student: boolean;
}

export interface RunDetail extends RunSummary {
  curve: CurvePoint[];
  samples: SavedSamples[];
  /** What was measured of its moments afterwards. */
  distances: RunDistances[];
}

export type RunsCall =
  | { do: 'list' }
  | { do: 'open'; run: string }
  | { do: 'describe'; run: string; name?: string; notes?: string }
  | { do: 'delete'; run: string }
  /** Forgets what was measured of its moments with those features and that number of images. */
  | { do: 'drop-distances'; run: string; features: MeasureFeatures; n: number }
  /** Writes what a full disk did not take; throws where it still does not. */
  | { do: 'keep'; run: string }
  /** Puts a student among the opened models: of that moment, or of the last save. */
  | { do: 'student'; run: string; images: number | null }
  | { do: 'export'; run: string; what: RunExport; images: number | null };

/** 'state' is the command line's: `innate distil --resume` goes on from it. 'files' is all of it, as a zip. */
export type RunExport = 'student' | 'delta' | 'state' | 'files';

export interface RunsResults {
  /** null where this browser cannot save runs. */
  list: RunList | null;
  open: RunDetail;
  describe: null;
  delete: null;
  'drop-distances': RunDistances[];
  keep: null;
  student: ModelInfo;
  export: Blob;
}

/** Goes on with a saved run. */
export interface ResumeRequest {
  resume: string;
  from: WayBack;
  /** What differs from now on. */
  changes: Partial<Pick<DistilConfig, 'images' | 'generatorRate' | 'discriminatorRate' | 'microBatch'>>;
  /** The user's images and second feature network, where they are not kept. */
  files: File[];
  /** The user's teacher, where it is not kept. */
  teacher: DistilRequest['teacher'] | null;
}
