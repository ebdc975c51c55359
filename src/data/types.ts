/** One image as a network takes it. */
export interface Sample {
  /** [channels, R, R], 0 to 255. Not to be written to: the set may keep it. */
  readonly pixels: Uint8Array;
  /** Class index; null when the set, or this image, has none. */
  readonly label: number | null;
}

/** An image that could not be read, and why. */
export interface Skipped {
  readonly name: string;
  readonly reason: string;
}

/** How many images have one size, in pixels. */
export interface PictureSize {
  readonly width: number;
  readonly height: number;
  readonly count: number;
}

/** Images under random access. Nothing but names and labels is held until an image is read. */
export interface Dataset {
  readonly name: string;
  /** Images, unreadable ones included. */
  readonly size: number;
  /** Number of classes; 0 when unlabelled. */
  readonly labelDim: number;
  /** Names of the labelDim classes; null when the set does not name them. */
  readonly classes: readonly string[] | null;
  /** R: what was asked for, else the shorter side of the first readable image. */
  readonly resolution: number;
  /** 1 or 3: what was asked for, else what the first readable image has. */
  readonly channels: number;
  /** Image i at the set's resolution and channels; null when it is unreadable, and then it is in `skipped`. */
  read(i: number): Promise<Sample | null>;
  /** Label of image i without reading its pixels. */
  label(i: number): number | null;
  /** Sentences: what was taken or left when the set was opened. */
  readonly notes: readonly string[];
  /** Images read so far, each once. */
  readonly imagesRead: number;
  /** Sizes of the images read so far as they are stored, the most frequent first. */
  readonly sizes: readonly PictureSize[];
  /** Unreadable images met so far, each once. */
  readonly skipped: readonly Skipped[];
}

/**
 * A decoded image: value c of the pixel at (x, y) is data[offset + x * stepX + y * stepY + c * stepC].
 * The steps let an interleaved picture and a planar slice of an array be read by the same code.
 */
export interface Picture {
  readonly width: number;
  readonly height: number;
  /** 1 grey, 3 RGB, 4 RGBA (alpha not multiplied in). */
  readonly channels: 1 | 3 | 4;
  readonly data: Uint8Array | Uint8ClampedArray;
  readonly offset: number;
  readonly stepX: number;
  readonly stepY: number;
  readonly stepC: number;
}

/** Row after row, channels last. */
export function interleaved(
  width: number,
  height: number,
  channels: 1 | 3 | 4,
  data: Uint8Array | Uint8ClampedArray,
): Picture {
  return { width, height, channels, data, offset: 0, stepX: channels, stepY: width * channels, stepC: 1 };
}
