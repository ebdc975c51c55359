import { Zip, ZipPassThrough, type Zippable, zipSync } from 'fflate';
import { InnateError } from '../lib/errors';
import { type ArrayData, DESCR, npyHead, writeNpy } from './npy';

/** The earliest time that a zip can hold, in local time as zip means it. */
const EARLIEST = () => new Date(1980, 0, 1);
/** A zip of more needs 64-bit fields, which this writer has not. */
const MOST_BYTES = 2 ** 32 - 2 ** 20;

/**
 * Named arrays as numpy.savez (or savez_compressed) writes them. Equal arrays give equal files: the time
 * stamp is fixed.
 */
export function writeNpz(arrays: Readonly<Record<string, ArrayData>>, { compress = false } = {}): Uint8Array {
  const files: Zippable = Object.create(null);
  const options = { level: compress ? 6 : 0, mtime: EARLIEST() } as const;
  for (const [name, array] of Object.entries(arrays)) files[`${name}.npy`] = [writeNpy(array), options];
  return zipSync(files);
}

/** A float32 array whose values come piece after piece, in C order. */
export interface ArrayStream {
  readonly shape: readonly number[];
  readonly pieces: AsyncIterable<Float32Array>;
}

/**
 * The same as `writeNpz` without compression, of arrays of which one piece at a time is in memory. Throws `refused` beyond
 * 4 GB, and where a stream has not as many values as its shape.
 */
export async function* npzPieces(
  arrays: Iterable<readonly [name: string, array: ArrayData | ArrayStream]>,
): AsyncGenerator<Uint8Array> {
  const ready: Uint8Array[] = [];
  let written = 0;
  const zip = new Zip((error, chunk) => {
    if (error) throw error;
    written += chunk.length;
    if (written > MOST_BYTES)
      throw new InnateError('refused', 'the arrays are too many for one .npz', {
        expected: 'at most 4 GB',
        hint: 'Save fewer feature vectors',
      });
    ready.push(chunk);
  });
  for (const [name, array] of arrays) {
    const entry = new ZipPassThrough(`${name}.npy`);
    entry.mtime = EARLIEST();
    zip.add(entry);
    if ('pieces' in array) {
      entry.push(npyHead(DESCR.f32, array.shape));
      let missing = array.shape.reduce((a, b) => a * b, 1);
      for await (const values of array.pieces) {
        missing -= values.length;
        entry.push(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
        yield* ready.splice(0);
      }
      if (missing !== 0) throw new Error(`an array stream is ${missing} values short of its shape`);
    } else entry.push(writeNpy(array));
    entry.push(new Uint8Array(), true);
    yield* ready.splice(0);
  }
  zip.end();
  yield* ready.splice(0);
}
