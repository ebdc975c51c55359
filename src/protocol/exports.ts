import type { SerialisedError } from './messages';

/** What the page and the worker that writes files say to each other: images in, a file out. Plain data only. */

/** Opaque images of one size, one behind the other: RGBA bytes. */
export interface Pictures {
  width: number;
  height: number;
  rgba: Uint8ClampedArray<ArrayBuffer>;
}

/** Keywords and texts of a PNG. */
export type PngText = Readonly<Record<string, string>>;

/** A file that is written image by image. */
export type ExportSpec =
  /** `scale` is a whole multiple of the image's own pixels. */
  | { kind: 'gif' | 'video'; resolution: number; scale: number; fps: number; loop: boolean }
  | { kind: 'frames'; resolution: number; scale: number; channels: number }
  /**
   * Many images: kept by the browser while they are made, so that they outlive the tab. `about` says how they are made; what
   * is there of others is overwritten.
   */
  | { kind: 'images'; resolution: number; channels: number; about: string };

/** What an image is called in an archive, and what it says of itself. */
export interface ImageLabel {
  path: string;
  text: PngText;
}

/** An archive of many images that this browser keeps: under way, broken off, or whole. */
export interface KeptArchive {
  about: string;
  /** How many images it holds. */
  done: number;
  bytes: number;
  /** It has its directory: nothing is missing. */
  whole: boolean;
}

/** How a video is written here; null where this browser has no encoder for it. */
export type VideoKind = { container: 'mp4' | 'webm'; codec: 'H.264' | 'VP9' | 'VP8' | 'AV1' } | null;

export type ExportCall =
  | { do: 'png'; pictures: Pictures; channels: number; text: PngText }
  /** uint8 [N, height, width, channels] named arr_0, with seeds and, where there are classes, labels. */
  | {
      do: 'npz';
      pictures: Pictures;
      channels: number;
      seeds: readonly number[];
      labels: readonly number[] | null;
    }
  /** The texts of a PNG file; null = it is none. */
  | { do: 'read-text'; file: Blob }
  | { do: 'video-kind'; resolution: number; scale: number; fps: number }
  | { do: 'kept' }
  /** The kept archive as a file; it stays until another is begun or it is removed. */
  | { do: 'take-kept' }
  | { do: 'remove-kept' }
  | { do: 'open'; session: number; spec: ExportSpec }
  | { do: 'add'; session: number; rgba: Uint8ClampedArray<ArrayBuffer>; labels: readonly ImageLabel[] }
  /** `beside`: text files that an archive gets too, by their paths. */
  | { do: 'finish'; session: number; beside: readonly (readonly [path: string, text: string])[] }
  /** Frees what was made so far; a kept archive stays as far as it is, unless it is to be removed. */
  | { do: 'close'; session: number; remove: boolean };

export interface ExportResults {
  png: Blob;
  npz: Blob;
  'read-text': Record<string, string> | null;
  'video-kind': VideoKind;
  kept: KeptArchive | null;
  'take-kept': Blob;
  'remove-kept': null;
  /** How many images it holds already. */
  open: number;
  add: null;
  finish: Blob;
  close: null;
}

export interface ExportRequest {
  id: number;
  call: ExportCall;
}

export type ExportMessage =
  | { id: number; ok: true; value: ExportResults[keyof ExportResults] }
  | { id: number; ok: false; error: SerialisedError };
