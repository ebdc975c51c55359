import { type Zippable, zipSync } from 'fflate';
import { type ArrayData, writeNpy } from './npy';

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
