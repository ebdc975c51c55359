import { badFile, InnateError } from '../lib/errors';

/**
 * Random access to bytes. Synchronous on purpose: parsers stay plain functions, and everything that opens
 * files runs where synchronous reads exist (Node file descriptors, FileReaderSync in a worker, memory).
 */
export interface Source {
  /** For messages: a file name or path, never a full URL. */
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** A view or copy of exactly `length` bytes; throws an InnateError when the range leaves the source. */
  read(offset: number, length: number): Uint8Array;
}

/** Throws unless [offset, offset + length) lies inside `source`. */
export function checkRange(source: Source, offset: number, length: number): void {
  if (
    Number.isSafeInteger(offset) &&
    Number.isSafeInteger(length) &&
    offset >= 0 &&
    length >= 0 &&
    offset + length <= source.size
  )
    return;
  throw badFile('the file ends too early', {
    where: `${source.name}, byte ${offset}`,
    expected: `${length} bytes`,
    found: `${Math.max(0, source.size - offset)} of ${source.size} left`,
    hint: 'Download or copy the file again',
  });
}

/** Bytes in memory as a source; what is read are views of them. */
export function bufferSource(bytes: Uint8Array, name: string): Source {
  const source: Source = {
    name,
    size: bytes.byteLength,
    read(offset, length) {
      checkRange(source, offset, length);
      return bytes.subarray(offset, offset + length);
    },
  };
  return source;
}

/** A File or Blob; only in a worker, where FileReaderSync exists. */
export function blobSource(blob: Blob, name: string): Source {
  const reader = new FileReaderSync();
  const source: Source = {
    name,
    size: blob.size,
    read(offset, length) {
      checkRange(source, offset, length);
      try {
        return new Uint8Array(reader.readAsArrayBuffer(blob.slice(offset, offset + length)));
      } catch (error) {
        throw new InnateError(
          'io',
          'the browser could not read the file',
          { where: name, hint: 'Open it again' },
          error,
        );
      }
    },
  };
  return source;
}

/** A window of another source, with offsets from its own start. */
export function subSource(parent: Source, offset: number, length: number, name = parent.name): Source {
  checkRange(parent, offset, length);
  const source: Source = {
    name,
    size: length,
    read(at, count) {
      checkRange(source, at, count);
      return parent.read(offset + at, count);
    },
  };
  return source;
}
