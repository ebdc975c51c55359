import { badFile, InnateError } from '../lib/errors';
import { METADATA_KEY, parseHeader, SAFETENSORS_DTYPES } from './safetensors-header';
import type { Source } from './source';
import { DTYPE_BYTES, type DType, elementCount, type TensorRef } from './tensor';
import { quote } from './text';

/** The format's own limit on its header. */
const MAX_HEADER = 100_000_000;

/**
 * Whether a file is safetensors, by content: a small header length, then the header's brace. Its length can spell the
 * first bytes of any other format, so this is asked before them.
 */
export function isSafetensors(source: Source): boolean {
  if (source.size < 9) return false;
  const head = source.read(0, 9);
  return head[8] === 0x7b && head[7] === 0 && head[6] === 0;
}

/**
 * The tensors and metadata of a safetensors file (https://github.com/huggingface/safetensors): 8 bytes of
 * header length, a JSON header, the data. Nothing of the data is read. Throws an InnateError unless the
 * tensors cover the data exactly: no overlap, no hole, no end beyond the file.
 */
export function readSafetensors(source: Source): {
  tensors: Map<string, TensorRef>;
  /** Tensors of an element type that is not read, by name: the type. */
  unreadable: Map<string, string>;
  metadata: Map<string, string>;
} {
  const where = source.name;
  const prefix = source.read(0, 8);
  const d = new DataView(prefix.buffer, prefix.byteOffset, 8);
  const length = d.getUint32(0, true) + d.getUint32(4, true) * 2 ** 32;
  if (length > MAX_HEADER || length > source.size - 8)
    throw badFile('the safetensors header is longer than it may be', {
      where,
      expected: `at most ${Math.min(MAX_HEADER, source.size - 8)} bytes`,
      found: String(length),
      hint: 'Download or copy the file again',
    });
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(source.read(8, length));
  } catch (error) {
    if (error instanceof InnateError) throw error;
    throw badFile('the safetensors header is not UTF-8', { where }, error);
  }
  if (text[0] !== '{') throw badFile('the safetensors header does not start with {', { where });
  const { entries, metadata } = parseHeader(text, where);

  const dataStart = 8 + length;
  let at = 0;
  // Empty tensors first among equals, so that they fit between their neighbours.
  for (const entry of [...entries].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (entry.begin !== at)
      throw badFile(entry.begin < at ? 'tensors overlap' : 'there is a hole between tensors', {
        where: `${where}, ${quote(entry.name)}`,
        expected: `data from ${at}`,
        found: String(entry.begin),
      });
    at = entry.end;
  }
  if (dataStart + at !== source.size)
    throw badFile('the data do not have the size that the header states', {
      where,
      expected: `${dataStart + at} bytes in all`,
      found: String(source.size),
      hint: 'Download or copy the file again',
    });
  const tensors = new Map<string, TensorRef>();
  const unreadable = new Map<string, string>();
  for (const { name, dtype, typeName, shape, begin } of entries)
    if (dtype) tensors.set(name, { dtype, shape, source, byteOffset: dataStart + begin });
    else unreadable.set(name, typeName);
  return { tensors, unreadable, metadata: new Map(metadata) };
}

export interface TensorSpec {
  readonly dtype: DType;
  readonly shape: readonly number[];
}

/** A tensor to be written; `bytes` is called once, when its turn comes. */
export interface TensorData extends TensorSpec {
  /** Row-major little-endian elements, whole or piece after piece. */
  bytes(): Uint8Array | Iterable<Uint8Array>;
}

export interface SafetensorsLayout {
  /** Length, JSON and padding: the file's first bytes. */
  readonly header: Uint8Array;
  /** Names in the order in which their data follow. */
  readonly order: readonly string[];
  /** Size of the whole file. */
  readonly byteLength: number;
}

/**
 * Where everything goes, from dtypes and shapes alone; for writers that fetch their values asynchronously.
 * Wide elements come first, so that all data are aligned; equal widths are sorted by name, so that equal
 * content gives equal files.
 */
export function layoutSafetensors(
  tensors: ReadonlyMap<string, TensorSpec>,
  metadata: ReadonlyMap<string, string> = new Map(),
): SafetensorsLayout {
  if (tensors.has(METADATA_KEY))
    throw new InnateError('bad-argument', `a tensor cannot be named ${METADATA_KEY}`, {});
  const order = [...tensors.keys()].sort((a, b) => {
    const width = DTYPE_BYTES[tensors.get(b)!.dtype] - DTYPE_BYTES[tensors.get(a)!.dtype];
    return width || (a < b ? -1 : a > b ? 1 : 0);
  });
  // Text is put together by hand: an object would reorder names that look like integers.
  const members: string[] = [];
  if (metadata.size > 0) {
    const pairs = [...metadata].map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`);
    members.push(`"${METADATA_KEY}":{${pairs.join(',')}}`);
  }
  let at = 0;
  for (const name of order) {
    const { dtype, shape } = tensors.get(name)!;
    const end = at + elementCount(shape, quote(name)) * DTYPE_BYTES[dtype];
    members.push(
      `${JSON.stringify(name)}:{"dtype":"${SAFETENSORS_DTYPES[dtype]}","shape":[${shape.join(',')}],"data_offsets":[${at},${end}]}`,
    );
    at = end;
  }
  const json = new TextEncoder().encode(`{${members.join(',')}}`);
  const length = Math.ceil(json.length / 8) * 8;
  if (length > MAX_HEADER)
    throw new InnateError('bad-argument', 'the safetensors header would be too long', {});
  const header = new Uint8Array(8 + length).fill(0x20);
  new DataView(header.buffer).setBigUint64(0, BigInt(length), true);
  header.set(json, 8);
  return { header, order, byteLength: header.length + at };
}

/**
 * The file in pieces: first the header, then each tensor's bytes, asked for one at a time, so that a network
 * of 300 M parameters is written without being held.
 */
export function* writeSafetensors({
  tensors,
  metadata,
}: {
  tensors: ReadonlyMap<string, TensorData>;
  metadata?: ReadonlyMap<string, string>;
}): Generator<Uint8Array, void, undefined> {
  const { header, order } = layoutSafetensors(tensors, metadata);
  yield header;
  for (const name of order) {
    const tensor = tensors.get(name)!;
    const bytes = tensor.bytes();
    const expected = elementCount(tensor.shape, quote(name)) * DTYPE_BYTES[tensor.dtype];
    let found = 0;
    for (const piece of bytes instanceof Uint8Array ? [bytes] : bytes) {
      found += piece.byteLength;
      yield piece;
    }
    if (found !== expected)
      throw new InnateError('bad-argument', 'the data of a tensor do not match its shape', {
        where: quote(name),
        expected: `${expected} bytes`,
        found: String(found),
      });
  }
}
