import { readSafetensors, type TensorData, writeSafetensors } from '../../formats/safetensors';
import { bufferSource } from '../../formats/source';
import { readFloat32 } from '../../formats/tensor';
import type { Extracted } from './extract';

/** Name of the file that holds vectors [from, to) of a store. */
export const blockName = (from: number, to: number): string =>
  `${[from, to].map((i) => String(i).padStart(8, '0')).join('-')}.safetensors`;

/** The whole blocks among file names, in order, from the first vector on and without a gap. */
export function blocksAmong(names: readonly string[]): { name: string; from: number; to: number }[] {
  const found = names.flatMap((name) => {
    const [, from, to] = /^(\d{8})-(\d{8})\.safetensors$/.exec(name) ?? [];
    return from === undefined ? [] : [{ name, from: Number(from), to: Number(to) }];
  });
  const out: typeof found = [];
  for (const block of found.sort((a, b) => a.from - b.from))
    if (block.from === (out.at(-1)?.to ?? 0)) out.push(block);
  return out;
}

/** A block of a store as a file: `features` [n, dims], and `logits` where there are some. */
export function encodeBlock({ features, logits }: Extracted, dims: number): Iterable<Uint8Array> {
  const n = features.length / dims;
  const tensors = new Map([['features', tensor(features, n)]]);
  if (logits) tensors.set('logits', tensor(logits, n));
  return writeSafetensors({ tensors });
}

/** Throws where the file is not whole. */
export function decodeBlock(bytes: Uint8Array, name: string): Extracted {
  const { tensors } = readSafetensors(bufferSource(bytes, name));
  const logits = tensors.get('logits');
  return {
    features: readFloat32(tensors.get('features')!),
    logits: logits ? readFloat32(logits) : null,
  };
}

const tensor = (values: Float32Array, n: number): TensorData => ({
  dtype: 'f32',
  shape: [n, values.length / n],
  bytes: () => new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
});
