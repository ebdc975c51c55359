import type { DownloadReason } from '../lib/download-reason';
import type { PrecondKind } from '../lib/preconditioning';
import type { SerialisedError } from './messages';
import type { FileChoice } from './models';

/** What page and download worker say to each other: plain data only. */

/** A checkpoint that a person asked for. */
export interface Wanted {
  /** Of the catalogue, or what `addressId` makes of an address. */
  id: string;
  /** For people: the model's name, or the file's. */
  title: string;
  address: string;
  /** The file's name at its host. */
  name: string;
  /** Length and SHA-256 in hex that the catalogue states; null where it does not. */
  bytes: number | null;
  sha256: string | null;
  /** What the catalogue says that the file holds; null of a pasted address, whose file joins the opened ones. */
  network: {
    resolution: number;
    channels: number;
    labelDim: number;
    sigma: number;
    precond: PrecondKind | null;
  } | null;
  /** What a person chose where the file leaves it open; not remembered beyond the call. */
  choice?: FileChoice;
}

/** What a download is doing; bytes, bytes a second, seconds. Null where it is not known. */
export interface DownloadProgress {
  phase: 'connecting' | 'checking' | 'receiving' | 'waiting' | 'converting';
  done: number;
  total: number | null;
  rate: number | null;
  /** Seconds that are left, or until the next attempt where it waits. */
  left: number | null;
}

/** A download that was begun and is not whole. */
export interface PartOnDevice {
  wanted: Wanted;
  done: number;
  total: number | null;
  /** Some tab is at it. */
  busy: boolean;
}

/** What downloads have left on this device. */
export interface OnDevice {
  here: { id: string; bytes: number }[];
  parts: PartOnDevice[];
  /** Sentences: what cannot be used any more. */
  problems: string[];
}

export interface DownloadResult {
  /** What the model is called from now on: its id, or the key of an opened file. */
  key: string;
  /** Sentences, about the download and about the network. */
  notes: string[];
}

/** Checksums of a model that was read whole: SHA-256 in hex of its file, and of the download that it was made from. */
export interface Checked {
  sha256: string;
  source: { name: string; bytes: number; sha256: string };
}

export type DownloadCall =
  | { do: 'list' }
  | { do: 'download'; wanted: Wanted }
  /** Reads a model whole and compares its checksum; fails where it is another. */
  | { do: 'check'; id: string }
  /** Deletes what is here of it, whole or in part. */
  | { do: 'remove'; id: string };

export type DownloadRequest =
  | { type: 'call'; id: number; call: DownloadCall }
  | { type: 'cancel'; target: number };

export interface DownloadResults {
  list: OnDevice;
  download: DownloadResult;
  check: Checked;
  remove: null;
}

/** `reason` and `address` of what a download itself ended with. */
export type DownloadFailure = SerialisedError & { reason: DownloadReason | null; address: string | null };

export type DownloadMessage =
  | { type: 'progress'; id: number; progress: DownloadProgress }
  | { type: 'settled'; id: number; ok: true; value: DownloadResults[keyof DownloadResults] }
  | { type: 'settled'; id: number; ok: false; error: DownloadFailure };
