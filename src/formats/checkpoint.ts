import { badFile, type InnateError } from '../lib/errors';
import { bareKwargs, type Kwargs, metadataKwargs, moduleKwargs } from './kwargs';
import {
  isModule,
  isStateDict,
  isTensor,
  moduleTensors,
  publishedNames,
  stateDictTensors,
  unwrap,
} from './network';
import { Budget } from './pickle/budget';
import { unpickle } from './pickle/machine';
import { ByteReader } from './pickle/reader';
import { PersistentObject, type Py, type PyMap, PyObject } from './pickle/values';
import { readSafetensors } from './safetensors';
import { sniff } from './sniff';
import type { Source } from './source';
import type { TensorRef } from './tensor';
import { listed, quote } from './text';
import { isLegacyMagic, nestedLoader, readLegacy } from './torch/legacy';
import { readTorchZip, torchRecord } from './torch/zip';
import { openZip, type ZipEntry } from './zip';

export interface Checkpoint {
  readonly format: 'edm-pickle' | 'torch-zip' | 'torch-legacy' | 'safetensors';
  /** Names with the published `model.` prefix: model.enc.32x32_conv.weight ... */
  readonly tensors: ReadonlyMap<string, TensorRef>;
  /** 'EDMPrecond', 'GDDPrecond', 'VEPrecond', 'VPPrecond', another class name, or null when the file does not say. */
  readonly precond: string | null;
  /**
   * Constructor arguments (img_resolution, img_channels, label_dim, sigma_data, model_type, model_channels, ...),
   * null when the file has none. Plain values: numbers, strings, booleans, null, arrays, maps.
   */
  readonly kwargs: ReadonlyMap<string, unknown> | null;
  readonly metadata: ReadonlyMap<string, string>;
  /** Sentences for the user, such as "took ema (the file also holds net)". */
  readonly notes: readonly string[];
}

/**
 * Opens a checkpoint of any supported kind, told by content: an official-layout pickle, a torch file (zip or
 * legacy) or safetensors. Reads headers and structure, no weights. Every failure is an InnateError.
 */
export function openCheckpoint(source: Source): Checkpoint {
  switch (sniff(source)) {
    case 'safetensors':
      return fromSafetensors(source);
    case 'zip': {
      const entries = openZip(source);
      if (!torchRecord(entries)) throw otherZip(entries, source.name);
      return fromObject(readTorchZip(source, entries), 'torch-zip', source.name);
    }
    case 'pickle': {
      const options = { budget: new Budget(), loadFromBytes: nestedLoader() };
      const value = unpickle(new ByteReader(source), options);
      if (isLegacyMagic(value)) return fromObject(readLegacy(source), 'torch-legacy', source.name);
      return fromObject(value, 'edm-pickle', source.name);
    }
  }
}

function fromSafetensors(source: Source): Checkpoint {
  const { tensors, metadata } = readSafetensors(source);
  if (tensors.size === 0) throw badFile('the file holds no tensors', { where: source.name });
  const named = publishedNames(tensors, source.name);
  return {
    format: 'safetensors',
    tensors: named.tensors,
    precond: metadata.get('precond') ?? null,
    kwargs: metadataKwargs(metadata, source.name),
    metadata,
    notes: named.notes,
  };
}

/** Where a file keeps its network, the best first: averaged weights before those of the last step. */
const CHOICES = ['ema', 'G_ema', 'ema_model', 'model_ema', 'net', 'model', 'G', 'generator', 'state_dict'];

interface Found {
  readonly value: Py;
  readonly notes: readonly string[];
}

const holdsNetwork = (value: Py | undefined): boolean =>
  isModule(value) || (value instanceof Map && isStateDict(value));

/** The network within the value of a file: itself, or the best entry of a dict, one dict deeper if need be. */
function choose(value: Py, depth = 0): Found | null {
  if (isModule(value)) return { value, notes: [] };
  if (!(value instanceof Map)) return null;
  const candidates = CHOICES.filter((key) => value.has(key) && !isTensor(value.get(key)));
  for (const key of candidates) {
    const found = holdsNetwork(value.get(key))
      ? { value: value.get(key)!, notes: [] }
      : depth < 2 && value.get(key) instanceof Map
        ? choose(value.get(key)!, depth + 1)
        : null;
    if (!found) continue;
    const others = candidates.filter((k) => k !== key && holdsNetwork(value.get(k)));
    const note = others.length > 0 ? [`took ${key} (the file also holds ${others.join(' and ')})`] : [];
    return { value: found.value, notes: [...note, ...found.notes] };
  }
  if (isStateDict(value)) return { value, notes: [] };
  const networks = [...value].filter(([, item]) => holdsNetwork(item));
  if (networks.length !== 1) return null;
  const [key, network] = networks[0]!;
  return { value: network, notes: [`took ${quote(key)}, the only network in the file`] };
}

function fromObject(root: Py, format: Checkpoint['format'], where: string): Checkpoint {
  const found = choose(root);
  if (!found) throw noNetwork(root, where);
  const { value } = found;
  const module = isModule(value) ? unwrap(value) : null;
  const raw = module ? moduleTensors(module, where) : stateDictTensors(value as PyMap, where);
  if (raw.size === 0) throw noNetwork(root, where);
  const { tensors, notes, bare } = publishedNames(raw, where);
  const kwargs: Kwargs | null = module ? (bare ? bareKwargs(module) : moduleKwargs(module)) : null;
  return {
    format,
    tensors,
    precond: module instanceof PersistentObject && !bare ? module.className : null,
    kwargs: kwargs && kwargs.size > 0 ? kwargs : null,
    metadata: new Map(),
    notes: [...found.notes, ...notes],
  };
}

function noNetwork(root: Py, where: string): InnateError {
  const found =
    root instanceof Map
      ? root.size === 0
        ? 'an empty dict'
        : `the entries ${listed([...root.keys()].map((k) => (typeof k === 'object' ? typeof k : k)))}`
      : root instanceof PersistentObject || root instanceof PyObject
        ? `an object of class ${quote(root.className)}`
        : Array.isArray(root)
          ? `a list of ${root.length}`
          : typeof root === 'object'
            ? 'another object'
            : `a ${typeof root}`;
  return badFile('the file holds no network', {
    where,
    expected: 'a network or its state_dict, alone or under ema, net, model or state_dict',
    found,
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
