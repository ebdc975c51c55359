import { type NpyArray, openNpy } from '../../data/npy-array';
import { isSafetensors, readSafetensors } from '../../formats/safetensors';
import { bufferSource, type Source } from '../../formats/source';
import { readFloat32, type TensorRef } from '../../formats/tensor';
import { openZip, readEntry } from '../../formats/zip';
import { InnateError } from '../../lib/errors';
import type { LatentShape } from '../../protocol/latents';

/** A file holds something else: whoever tries several things with it goes on. */
export class NoLatents extends InnateError {}

/** What latents are called; a .npy has no name. */
const NAMES = /^(latents?|noise|z|x_T)?$/;
/** Bytes of a compressed array that is unpacked. */
const MAX_UNPACKED = 2 ** 28;
/** So many latents are read of one file. */
const MAX_LATENTS = 4096;
/** Root mean square of noise that was multiplied by its sigma, or of something that is no noise. */
const MAX_RMS = 5;

/** An array of floating-point numbers with its name in the file. */
interface Candidate {
  name: string;
  shape: readonly number[];
  values: () => Float32Array;
}

/**
 * Latents of a .npy, .npz or .safetensors file, each [C, R, R] flat: unit noise, as the network's input before it is
 * multiplied by sigma. [N, C, R, R], [C, R, R] and channels last are recognised. Throws `NoLatents` where the file holds
 * no floating-point array of three or four dimensions at all, `mismatch` where the shape is another network's or the
 * values are no unit noise, `bad-file` where it is damaged.
 */
export function readLatentFile(source: Source, shape: LatentShape): Float32Array[] {
  const candidates = arraysOf(source);
  const fitting = candidates.filter((found) => layoutOf(found.shape, shape) !== null);
  const named = fitting.find(({ name }) => NAMES.test(name));
  // Several of another name are a set of images.
  const chosen = named ?? fitting.find((found) => found.shape.length === 3 || found.shape[0] === 1);
  if (!chosen) throw mismatch(source, candidates, shape);
  const values = chosen.values();
  check(values, `${source.name}${chosen.name === '' ? '' : `, ${chosen.name}`}`);
  return split(values, chosen.shape, layoutOf(chosen.shape, shape)!, shape);
}

function arraysOf(source: Source): Candidate[] {
  const found = isSafetensors(source) ? tensorsOf(source) : numpyArrays(source);
  // Several under another name are a set of images.
  const arrays = found.filter(
    ({ name, shape }) => shape.length === 3 || (shape.length === 4 && (shape[0] === 1 || NAMES.test(name))),
  );
  if (arrays.length > 0) return arrays;
  throw new NoLatents('mismatch', 'there is no latent in the file', {
    where: source.name,
    expected: 'an array of floating-point numbers with three or four dimensions',
    found: found.length === 0 ? 'none' : found.map(({ shape }) => shapeWords(shape)).join(', '),
  });
}

const FLOATS: ReadonlySet<TensorRef['dtype']> = new Set(['f64', 'f32', 'f16', 'bf16']);

function tensorsOf(source: Source): Candidate[] {
  const { tensors } = readSafetensors(source);
  // A network's weights have many tensors of four dimensions, and names that say so.
  if ([...tensors.keys()].some((name) => /weight|bias|^model\./.test(name)))
    throw new NoLatents('mismatch', 'this is a network', { where: source.name });
  return [...tensors]
    .filter(([, { dtype }]) => FLOATS.has(dtype))
    .map(([name, ref]) => ({ name, shape: ref.shape, values: () => readFloat32(ref) }));
}

function numpyArrays(source: Source): Candidate[] {
  const magic = source.size > 6 ? String.fromCharCode(...source.read(0, 6)) : '';
  if (magic === '\x93NUMPY') return floats('', openNpy(source));
  if (!magic.startsWith('PK'))
    throw new NoLatents('unsupported', 'not a file of latents', {
      where: source.name,
      expected: '.npy, .npz or .safetensors',
    });
  return openZip(source)
    .filter(({ name }) => name.endsWith('.npy'))
    .flatMap((entry) => {
      const bytes = readEntry(entry, MAX_UNPACKED);
      const name = entry.name.slice(0, -'.npy'.length);
      return floats(name, openNpy(bufferSource(bytes, `${source.name}, ${name}`)));
    });
}

/** Arrays of whole numbers are images, not noise. */
function floats(name: string, array: NpyArray): Candidate[] {
  if (array.kind !== 'float') return [];
  return [{ name, shape: array.shape, values: () => allRows(array) }];
}

function allRows({ shape, row }: NpyArray): Float32Array {
  const each = shape.slice(1).reduce((product, d) => product * d, 1);
  const out = new Float32Array(shape[0]! * each);
  for (let i = 0; i < shape[0]!; i++) out.set(row(i), i * each);
  return out;
}

type Layout = 'channels first' | 'channels last';

/** How the values of such an array lie; null where it does not fit the network. */
function layoutOf(found: readonly number[], { channels: c, resolution: r }: LatentShape): Layout | null {
  const image = found.slice(-3);
  const count = found.length === 4 ? found[0]! : 1;
  if (count < 1 || count > MAX_LATENTS) return null;
  if (image[0] === c && image[1] === r && image[2] === r) return 'channels first';
  return image[0] === r && image[1] === r && image[2] === c ? 'channels last' : null;
}

function mismatch(
  source: Source,
  candidates: readonly Candidate[],
  { channels: c, resolution: r }: LatentShape,
): InnateError {
  return new InnateError('mismatch', 'the latent does not fit the network', {
    where: source.name,
    expected: `[1, ${c}, ${r}, ${r}], [${c}, ${r}, ${r}] or [${r}, ${r}, ${c}]`,
    found: candidates.map(({ shape }) => shapeWords(shape)).join(', '),
    hint: 'Choose the model that it was made for',
  });
}

const shapeWords = (shape: readonly number[]) => `[${shape.join(', ')}]`;

function check(values: Float32Array, where: string): void {
  let squares = 0;
  for (const v of values) squares += v * v;
  const rms = Math.sqrt(squares / values.length);
  if (!Number.isFinite(rms))
    throw new InnateError('bad-file', 'the latent holds values that are not numbers', { where });
  if (rms > MAX_RMS)
    throw new InnateError('mismatch', 'the latent is no unit noise', {
      where,
      expected: 'a root mean square near 1',
      found: rms.toPrecision(3),
      hint: 'Where it was multiplied by sigma, divide it by sigma',
    });
}

function split(
  values: Float32Array,
  found: readonly number[],
  layout: Layout,
  { channels, resolution }: LatentShape,
): Float32Array[] {
  const pixels = resolution ** 2;
  const size = channels * pixels;
  const count = found.length === 4 ? found[0]! : 1;
  return Array.from({ length: count }, (_, n) => {
    const image = values.slice(n * size, (n + 1) * size);
    if (layout === 'channels first') return image;
    const planes = new Float32Array(size);
    for (let p = 0; p < pixels; p++)
      for (let c = 0; c < channels; c++) planes[c * pixels + p] = image[p * channels + c]!;
    return planes;
  });
}
