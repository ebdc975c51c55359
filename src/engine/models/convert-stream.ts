import { layoutSafetensors, writeSafetensors } from '../../formats/safetensors';
import { InnateError } from '../../lib/errors';
import { exportDelta, exportWhole, type StoredDType, wholeMetadata } from './export';
import type { Model } from './model';

/** Where the bytes of a file go, one after the other: a file of the disk or of the browser. */
export interface Output {
  /** The bytes may be used after the call only when it returns a promise, and until that is settled. */
  write(bytes: Uint8Array): void | Promise<void>;
}

export interface ConvertOptions {
  dtype?: StoredDType;
  /** Name of the file that the model was opened from; the written one says it. */
  from: string;
  /** Where that was downloaded, and what it was: a file that no catalogue describes says so itself. */
  origin?: { address: string; sha256: string };
  /** Only the differences to this model are written; see delta.ts. */
  teacher?: { model: Pick<Model, 'weights'>; id: string; sha256: string };
  signal?: AbortSignal;
  /** Bytes written so far, and of the whole file. */
  onProgress?: (done: number, total: number) => void;
}

export interface Converted {
  bytes: number;
  tensors: number;
}

/** Milliseconds of work after which whoever wants to cancel is heard. */
const BREATH_MS = 50;

/**
 * Writes an opened model as a .safetensors file: published names, float16 matrices unless `dtype` says otherwise, and
 * what a reader must know in its metadata. It lives with the models, since which tensors make a network, and what
 * describes it, are the network's business and not the format's.
 *
 * Weights are read, rounded and written a piece at a time (4 MB of the source), in the order of the written file; only a
 * tensor that the source stores in another order is gathered whole. Equal models give equal bytes. Throws what reading
 * throws (damaged or infinite weights), an `unsupported` error where a weight is beyond float16, `cancelled` when `signal`
 * says so, and whatever `output` throws, whose it is to remove what was written until then.
 */
export async function convertStream(
  model: Model,
  output: Output,
  options: ConvertOptions,
): Promise<Converted> {
  const { dtype = 'f16', teacher, signal, onProgress } = options;
  const tensors = teacher
    ? exportDelta(model.config, model.weights, teacher.model.weights, dtype)
    : exportWhole(model.config, model.published ?? model.weights, dtype);
  const metadata = convertedMetadata(model, options);
  const { byteLength } = layoutSafetensors(tensors, metadata);
  let done = 0;
  let breath = performance.now();
  for (const piece of writeSafetensors({ tensors, metadata })) {
    // Writes to the browser's files are synchronous: without a pause no message would come in between.
    if (performance.now() - breath > BREATH_MS) {
      await new Promise((resolve) => setTimeout(resolve));
      breath = performance.now();
    }
    if (signal?.aborted) throw new InnateError('cancelled', 'cancelled', { where: options.from });
    await output.write(piece);
    done += piece.byteLength;
    onProgress?.(done, byteLength);
  }
  return { bytes: byteLength, tensors: tensors.size };
}

/** Architecture and start sigma, what the input says of itself, and the base of a delta. */
function convertedMetadata(model: Model, { from, origin, teacher }: ConvertOptions): Map<string, string> {
  const metadata = wholeMetadata(model).set('converted_from', from);
  if (origin) metadata.set('downloaded_from', origin.address).set('downloaded_sha256', origin.sha256);
  return teacher ? metadata.set('delta_of', teacher.id).set('delta_sha256', teacher.sha256) : metadata;
}
