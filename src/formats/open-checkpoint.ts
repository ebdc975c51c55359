import { badFile, type InnateError } from '../lib/errors';
import { type Checkpoint, type OpenOptions, openSafetensors } from './checkpoint';
import { type Flat, flatten, type ModuleObject } from './flatten';
import { KNOWN_NAMES } from './known-names';
import { bareKwargs, moduleKwargs } from './module-kwargs';
import { chooseNetwork, holders, refuseOthers } from './network';
import { Budget } from './pickle/budget';
import { ByteReader } from './pickle/reader';
import { unpickle } from './pickle/unpickle';
import { PersistentObject, type Py, PyObject } from './pickle/values';
import { readSafetensors } from './safetensors';
import { sniff } from './sniff';
import type { Source } from './source';
import type { TensorRef } from './tensor';
import { listed, quote } from './text';
import { isLegacyMagic, nestedLoader, readLegacy } from './torch/legacy';
import { readTorchZip, torchRecord } from './torch/zip';
import { openZip, type ZipEntry } from './zip';

/**
 * Opens a checkpoint of any supported kind, told by content: an official-layout pickle, a torch file (zip or
 * legacy) or safetensors. The network is found by the names of its tensors, wherever it stands. Reads headers and
 * structure, no weights. Every failure is an InnateError; one with `choose` asks for an `entry`.
 */
export function openCheckpoint(source: Source, options: OpenOptions = {}): Checkpoint {
  const kind = sniff(source);
  if (kind === 'safetensors') return openSafetensors(source, options);
  const { root, format } = readObject(source, kind);
  return fromObject(root, format, source.name, options);
}

/**
 * Every tensor of a safetensors, torch or pickle file by its path, whatever network it belongs to: state dicts of
 * other projects' networks. Throws an InnateError where the file is none of those.
 */
export function openTensors(source: Source): ReadonlyMap<string, TensorRef> {
  const kind = sniff(source);
  if (kind === 'safetensors') return readSafetensors(source).tensors;
  return flatten(readObject(source, kind).root, source.name).tensors;
}

function readObject(
  source: Source,
  kind: 'zip' | 'pickle',
): { root: Py; format: 'torch-zip' | 'torch-legacy' | 'edm-pickle' } {
  const names = KNOWN_NAMES;
  if (kind === 'zip') {
    const entries = openZip(source);
    if (!torchRecord(entries)) throw otherZip(entries, source.name);
    return { root: readTorchZip(source, names, entries), format: 'torch-zip' };
  }
  const machine = { budget: new Budget(), names, loadFromBytes: nestedLoader(names) };
  const root = unpickle(new ByteReader(source), machine);
  if (isLegacyMagic(root)) return { root: readLegacy(source, names), format: 'torch-legacy' };
  return { root, format: 'edm-pickle' };
}

function fromObject(
  root: Py,
  format: Checkpoint['format'],
  where: string,
  { entry }: OpenOptions,
): Checkpoint {
  const flat = flatten(root, where);
  const found = chooseNetwork(flat, where, entry);
  if (!found) throw noNetwork(root, flat, where);
  const { network } = found;
  refuseOthers(network, where);
  const unet = flat.modules.get(network.path);
  const precond = network.bare ? undefined : flat.modules.get(holders(network.path)[0]!);
  const kwargs = precond ? moduleKwargs(precond, unet) : unet ? bareKwargs(unet) : null;
  return {
    format,
    tensors: network.tensors,
    unreadable: network.unreadable,
    precond: precond && isPreconditioning(precond) ? precond.className : null,
    kwargs: kwargs && kwargs.size > 0 ? kwargs : null,
    metadata: new Map(),
    entries: found.entries,
    entry: network.label,
    notes: found.notes,
  };
}

/** A class around a U-Net is its preconditioning unless it is a mere container (Sequential, a training script's). */
const isPreconditioning = (module: ModuleObject): boolean =>
  module instanceof PersistentObject || /Precond$/.test(module.className) || module.state.has('sigma_data');

function noNetwork(root: Py, flat: Flat, where: string): InnateError {
  const found =
    flat.tensors.size > 0
      ? `${flat.tensors.size} tensors such as ${listed(flat.tensors.keys(), 3)}`
      : root instanceof Map
        ? root.size === 0
          ? 'an empty dict'
          : `the entries ${listed([...root.keys()].map((k) => (typeof k === 'object' ? typeof k : k)))}`
        : root instanceof PyObject
          ? `an object of class ${quote(root.path)}`
          : Array.isArray(root)
            ? `a list of ${root.length}`
            : typeof root === 'object'
              ? 'another object'
              : `a ${typeof root}`;
  return badFile('the file holds no network of this family', {
    where,
    expected: 'tensors named ...enc.<R>x<R>_conv.weight and so on (SongUNet or DhariwalUNet of NVlabs/edm)',
    found,
    hint: 'Open a checkpoint of EDM, GDD, SiD or of this project',
  });
}

/** What a zip that is no torch archive seems to be. */
function otherZip(entries: readonly ZipEntry[], where: string): InnateError {
  const some = (pattern: RegExp) => entries.some((e) => pattern.test(e.name));
  const [found, hint] = some(/(^|\/)dataset\.json$/)
    ? ['a data set of images', 'Use it as the data of a distillation or an evaluation']
    : some(/\.(pkl|pt|pth|bin|safetensors)$/i)
      ? ['an archive with a checkpoint inside', 'Unpack it and open the checkpoint']
      : some(/\.npy$/)
        ? ['a numpy archive (.npz)', 'Open a checkpoint (.pkl, .pt or .safetensors)']
        : some(/\.(png|jpe?g|webp)$/i)
          ? ['a data set of images', 'Use it as the data of a distillation or an evaluation']
          : [
              `a zip archive of ${listed(
                entries.map((e) => e.name),
                4,
              )}`,
              'Open a checkpoint (.pkl, .pt or .safetensors)',
            ];
  return badFile('not a checkpoint', { where, found, hint });
}
