import { InnateError } from '../lib/errors';
import type { Decoders } from './image/decoders';
import type { Filter } from './image/resample';

export interface DatasetOptions {
  /** For PNG, JPEG and WebP; archives of plain pixels (CIFAR-10, npz) do without. */
  readonly decoders?: Decoders;
  /** The network's; default: what the first readable image has. */
  readonly channels?: number;
  /** The network's; default: the shorter side of the first readable image. */
  readonly resolution?: number;
  /** How images of another size are resized; 'lanczos' by default, as EDM's data-set tool does. */
  readonly filter?: Filter;
  /** Bytes of decoded images that are kept in memory; 256 MiB by default. */
  readonly cacheBytes?: number;
  /** Which part of CIFAR-10; 'train' by default. */
  readonly split?: 'train' | 'test';
  /** Hears which part, from 0 to 1, of an archive that must be unpacked first is done. */
  readonly onProgress?: (fraction: number) => void;
  readonly signal?: AbortSignal;
}

/** What a set needs to know of the options. */
export interface Shape {
  readonly resolution: number;
  readonly channels: number;
  readonly filter: Filter;
}

export const MAX_RESOLUTION = 1024;
const CACHE_BYTES = 256 * 2 ** 20;

export const cacheBudget = (options: DatasetOptions): number => options.cacheBytes ?? CACHE_BYTES;

/** Throws for values that no data set could honour. */
export function checkOptions({ channels, resolution, cacheBytes }: DatasetOptions): void {
  const fail = (what: string, expected: string, found: number) => {
    throw new InnateError('bad-argument', what, { expected, found: String(found) });
  };
  if (channels !== undefined && channels !== 1 && channels !== 3)
    fail('images have 1 or 3 channels', '1 or 3', channels);
  const whole = (v: number, max: number) => Number.isSafeInteger(v) && v >= 1 && v <= max;
  if (resolution !== undefined && !whole(resolution, MAX_RESOLUTION))
    fail('not a resolution', `1 to ${MAX_RESOLUTION}`, resolution);
  if (cacheBytes !== undefined && !(cacheBytes >= 0)) fail('not a cache size', 'bytes', cacheBytes);
}

/** Throws when the caller has given up. */
export function checkSignal(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new InnateError('cancelled', 'opening the data set was cancelled');
}

/** Lets other work of the worker run, and the caller stop, every few megabytes of an archive. */
export function pacer(
  signal: AbortSignal | undefined,
  onProgress: ((fraction: number) => void) | undefined,
): (fraction: number) => Promise<void> {
  let last = 0;
  return async (fraction) => {
    if (fraction - last < 0.02 && fraction < 1) return;
    last = fraction;
    await new Promise((resolve) => setTimeout(resolve));
    checkSignal(signal);
    onProgress?.(fraction);
  };
}
