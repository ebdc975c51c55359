import { type Zippable, zipSync } from 'fflate';
import { type ArrayData, readNpy, writeNpy } from './npy';
import { bufferSource, type Source } from './source';
import type { TensorRef } from './tensor';
import { openZip, readEntry, storedSource } from './zip';

/** Bytes of all compressed arrays together, decompressed: 50,000 images of 64x64 pixels fit. */
const MAX_UNPACKED = 1 << 30;

/**
 * Named arrays as numpy.savez (or savez_compressed) writes them. Equal arrays give equal files: the time
 * stamp is fixed.
 */
export function writeNpz(arrays: Readonly<Record<string, ArrayData>>, { compress = false } = {}): Uint8Array {
  const files: Zippable = Object.create(null);
  // The earliest time that a zip can hold, in local time as zip means it.
  const options = { level: compress ? 6 : 0, mtime: new Date(1980, 0, 1) } as const;
  for (const [name, array] of Object.entries(arrays)) files[`${name}.npy`] = [writeNpy(array), options];
  return zipSync(files);
}

/** The arrays of a .npz file. Stored ones stay in the file; compressed ones are unpacked, at most 1 GiB in all. */
export function readNpz(source: Source): Map<string, TensorRef> {
  const arrays = new Map<string, TensorRef>();
  let left = MAX_UNPACKED;
  for (const entry of openZip(source)) {
    if (!entry.name.endsWith('.npy')) continue;
    const data =
      entry.method === 0
        ? storedSource(entry)
        : bufferSource(readEntry(entry, left), `${source.name}, '${entry.name.slice(0, 80)}'`);
    if (entry.method !== 0) left -= entry.size;
    arrays.set(entry.name.slice(0, -'.npy'.length), readNpy(data));
  }
  return arrays;
}
