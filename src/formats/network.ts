import { badFile, InnateError } from '../lib/errors';
import { NumpyArray, PersistentObject, type Py, type PyMap, PyObject } from './pickle/values';
import type { TensorRef } from './tensor';
import { quote } from './text';
import { TorchTensor, UnreadableTensor } from './torch/tensors';

/** A module of PyTorch or of NVlabs/edm as a pickle keeps it: a class name and attributes. */
export type ModuleObject = (PersistentObject | PyObject) & { readonly state: PyMap };

/** Far beyond the 300 modules and 1,300 tensors of the largest official network. */
const MAX_MODULES = 50_000;
const MAX_TENSORS = 50_000;
const MAX_DEPTH = 32;
const MAX_NAME = 512;

export const isModule = (value: Py | undefined): value is ModuleObject =>
  (value instanceof PersistentObject || value instanceof PyObject) &&
  value.state instanceof Map &&
  value.state.get('_modules') instanceof Map;

/** A part of a module's attributes that is a dict, or an empty one. */
export function attributeMap(module: ModuleObject, name: string): PyMap {
  const value = module.state.get(name);
  return value instanceof Map ? value : new Map();
}

export const isTensor = (value: Py | undefined): boolean =>
  value instanceof TorchTensor ||
  value instanceof UnreadableTensor ||
  (value instanceof NumpyArray && value.tensor !== null);

/** Whether a dict maps names to tensors; counters and other values beside them are allowed. */
export function isStateDict(map: PyMap): boolean {
  let found = false;
  for (const [key, value] of map) {
    if (typeof key !== 'string') return false;
    found ||= isTensor(value);
  }
  return found;
}

class Collector {
  readonly tensors = new Map<string, TensorRef>();

  constructor(private readonly where: string) {}

  add(name: string, value: Py): void {
    const where = `${this.where}, ${quote(name)}`;
    if (name.length > MAX_NAME) throw badFile('a tensor name is absurdly long', { where });
    if (value instanceof UnreadableTensor)
      throw new InnateError('unsupported', 'a tensor has an element type that is not read', {
        where,
        found: value.typeName,
      });
    const ref = value instanceof NumpyArray ? value.tensor : value;
    if (ref === null || !(ref instanceof TorchTensor || value instanceof NumpyArray)) return;
    if (this.tensors.size >= MAX_TENSORS)
      throw new InnateError('refused', 'the network has an absurd number of tensors', { where: this.where });
    this.tensors.set(name, ref as TensorRef);
  }
}

export function stateDictTensors(map: PyMap, where: string): Map<string, TensorRef> {
  const collector = new Collector(where);
  for (const [key, value] of map) if (typeof key === 'string') collector.add(key, value);
  return collector.tensors;
}

/**
 * What module.state_dict() would list, in its order: parameters, buffers, then submodules. Without recursion
 * and with limits, since a file can make a module its own descendant, or reach one by 2^30 paths.
 */
export function moduleTensors(root: ModuleObject, where: string): Map<string, TensorRef> {
  const collector = new Collector(where);
  const open: { module: ModuleObject; prefix: string; depth: number }[] = [
    { module: root, prefix: '', depth: 0 },
  ];
  let modules = 0;
  for (let next = open.pop(); next; next = open.pop()) {
    const { module, prefix, depth } = next;
    if (++modules > MAX_MODULES || depth > MAX_DEPTH || prefix.length > MAX_NAME)
      throw new InnateError('refused', 'the network has an absurd number of modules', {
        where: `${where}, ${quote(prefix)}`,
      });
    const passing = module.state.get('_non_persistent_buffers_set');
    for (const [key, value] of attributeMap(module, '_parameters'))
      if (typeof key === 'string') collector.add(prefix + key, value);
    for (const [key, value] of attributeMap(module, '_buffers'))
      if (typeof key === 'string' && !(passing instanceof Set && passing.has(key)))
        collector.add(prefix + key, value);
    const children = [...attributeMap(module, '_modules')].reverse();
    for (const [key, child] of children)
      if (typeof key === 'string' && isModule(child))
        open.push({ module: child, prefix: `${prefix}${key}.`, depth: depth + 1 });
    if (open.length > MAX_MODULES)
      throw new InnateError('refused', 'the network has an absurd number of modules', { where });
  }
  return collector.tensors;
}

/** Wrappers around a network that only add to its names. */
const WRAPPERS = ['module', '_orig_mod'];

/** The network inside DistributedDataParallel, DataParallel and compiled modules. */
export function unwrap(root: ModuleObject): ModuleObject {
  let module = root;
  for (let i = 0; i < 4; i++) {
    const children = attributeMap(module, '_modules');
    if (children.size !== 1) break;
    const inner = WRAPPERS.map((name) => children.get(name)).find(isModule);
    if (!inner) break;
    module = inner;
  }
  return module;
}

const PREFIXES = ['module.', '_orig_mod.', 'ema.', 'ema_model.', 'G_ema.', 'net.'];
const AVERAGED = /^(module\.)?(ema|ema_model|G_ema)\./;

/**
 * Published names: what wrappers put in front is dropped, and `model.` is put before the names of a bare
 * U-Net. A state dict of several networks keeps the averaged one.
 */
export function publishedNames(
  tensors: ReadonlyMap<string, TensorRef>,
  where: string,
): { tensors: Map<string, TensorRef>; notes: string[]; bare: boolean } {
  const notes: string[] = [];
  let entries = [...tensors];
  const averaged = entries.filter(([name]) => AVERAGED.test(name));
  if (
    averaged.length > 0 &&
    averaged.length < entries.length &&
    averaged.some(([name]) => /\.enc\./.test(name))
  ) {
    notes.push(
      `took the ${averaged.length} averaged tensors (the file also holds ${entries.length - averaged.length} others)`,
    );
    entries = averaged;
  }
  for (;;) {
    const prefix = PREFIXES.find((p) => entries.length > 0 && entries.every(([name]) => name.startsWith(p)));
    if (!prefix) break;
    entries = entries.map(([name, ref]) => [name.slice(prefix.length), ref]);
  }
  while (entries.length > 0 && entries.every(([name]) => name.startsWith('model.model.')))
    entries = entries.map(([name, ref]) => [name.slice('model.'.length), ref]);
  const bare =
    entries.some(([name]) => /^(enc|dec)\./.test(name)) &&
    entries.every(([name]) => !name.startsWith('model.'));
  if (bare) entries = entries.map(([name, ref]) => [`model.${name}`, ref]);
  const renamed = new Map(entries);
  if (renamed.size !== entries.length) throw badFile('two tensors end up with one name', { where });
  return { tensors: renamed, notes, bare };
}
