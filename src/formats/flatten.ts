import { InnateError } from '../lib/errors';
import { ByteRange, LongText, NumpyArray, type Py, type PyMap, PyObject, Tuple } from './pickle/values';
import type { TensorRef } from './tensor';
import { TorchTensor, UnreadableTensor } from './torch/tensors';

/** A module of PyTorch or of NVlabs/edm as a pickle keeps it: a class name and attributes. */
export type ModuleObject = PyObject & { readonly state: PyMap };

export const isModule = (value: Py | undefined): value is ModuleObject =>
  value instanceof PyObject && value.state?.get('_modules') instanceof Map;

/** A part of a module's attributes that is a dict, or an empty one. */
export function attributeMap(module: ModuleObject, name: string): PyMap {
  const value = module.state.get(name);
  return value instanceof Map ? value : new Map();
}

/** The values of a file by the dotted path of keys, attributes and indices that leads to each. */
export interface Flat {
  /**
   * Tensors in the order of the file: a module's parameters, its buffers, then its submodules, as state_dict() lists
   * them.
   */
  readonly tensors: Map<string, TensorRef>;
  /** What stands where a tensor of a network could, but is not read as one: its kind. */
  readonly unreadable: Map<string, string>;
  /** Modules, by their path with a dot at the end; '' is the value of the file itself. */
  readonly modules: Map<string, ModuleObject>;
  /** Lists and tuples of nothing but tensors, two or more. */
  readonly lists: { readonly path: string; readonly tensors: readonly TensorRef[] }[];
}

/** The largest official network has 300 modules and 1,300 tensors; a file may hold several, and their optimisers. */
const MAX_TENSORS = 100_000;
const MAX_OBJECTS = 400_000;
/** Numbers and texts are passed over quickly, but a shared list of them can be met again and again. */
const MAX_VALUES = 10_000_000;
const MAX_DEPTH = 48;
const MAX_PATH = 512;

/**
 * Every tensor of a file by its path, whatever holds it: dicts, lists, modules, instances of classes that nobody
 * knows. Bounded in time and memory, since a file can make an object its own descendant, or reach one by 2^30
 * paths. Throws an InnateError of code 'refused' beyond the bounds.
 */
export function flatten(root: Py, where: string): Flat {
  return new Flattener(where).run(root);
}

class Flattener {
  private readonly flat: Flat = {
    tensors: new Map(),
    unreadable: new Map(),
    modules: new Map(),
    lists: [],
  };
  /** Containers under which there is nothing to find. */
  private readonly barren = new Set<object>();
  /** Containers on the way from the root to the present one. */
  private readonly above = new Set<object>();
  private objects = 0;
  private values = 0;

  constructor(private readonly where: string) {}

  run(root: Py): Flat {
    this.visit(root, '', 0);
    return this.flat;
  }

  /** Whether there was anything to find. `path` is without a dot at its end. */
  private visit(value: Py | undefined, path: string, depth: number): boolean {
    if (value === null || typeof value !== 'object') return false;
    if (value instanceof TorchTensor) return this.tensor(path, value);
    if (value instanceof UnreadableTensor) return this.other(path, value.typeName);
    if (value instanceof NumpyArray)
      return value.tensor
        ? this.tensor(path, value.tensor)
        : this.other(path, 'a numpy array of objects or text');
    if (value instanceof Uint8Array || value instanceof ByteRange || value instanceof LongText) return false;
    if (depth > MAX_DEPTH || path.length > MAX_PATH || this.above.has(value) || this.barren.has(value))
      return false;
    if (++this.objects > MAX_OBJECTS) throw this.absurd('objects');
    this.above.add(value);
    const found = this.children(value, path, depth + 1);
    this.above.delete(value);
    if (!found) this.barren.add(value);
    return found;
  }

  private children(value: object, path: string, depth: number): boolean {
    if (value instanceof Map) return this.map(value, path, depth);
    if (value instanceof Tuple) return this.list(value.items, path, depth);
    if (Array.isArray(value)) return this.list(value, path, depth);
    if (value instanceof PyObject)
      return isModule(value) ? this.module(value, path, depth) : this.instance(value, path, depth);
    return false;
  }

  private map(map: PyMap, path: string, depth: number): boolean {
    let found = false;
    this.count(map.size);
    for (const [key, value] of map)
      if (value !== null && typeof value === 'object')
        found = this.visit(value, join(path, typeof key === 'object' ? '*' : String(key)), depth) || found;
    return found;
  }

  private list(items: readonly Py[], path: string, depth: number): boolean {
    let found = false;
    this.count(items.length);
    for (let i = 0; i < items.length; i++) {
      const item = items[i]!;
      if (item !== null && typeof item === 'object')
        found = this.visit(item, join(path, String(i)), depth) || found;
    }
    if (found && items.length > 1) {
      const tensors = items.map(tensorOf);
      if (tensors.every((t) => t !== null)) this.flat.lists.push({ path, tensors });
    }
    return found;
  }

  /** What module.state_dict() would list, then what else it holds: lists of networks, averages in plain attributes. */
  private module(module: ModuleObject, path: string, depth: number): boolean {
    this.flat.modules.set(path === '' ? '' : `${path}.`, module);
    const passing = module.state.get('_non_persistent_buffers_set');
    const buffers = new Map(attributeMap(module, '_buffers'));
    if (passing instanceof Set) for (const name of passing) buffers.delete(name);
    let found = false;
    for (const part of [attributeMap(module, '_parameters'), buffers, attributeMap(module, '_modules')])
      found = this.map(part, path, depth) || found;
    this.count(module.state.size);
    for (const [key, value] of module.state)
      if (typeof key === 'string' && !key.startsWith('_') && value !== null && typeof value === 'object')
        found = this.visit(value, join(path, key), depth) || found;
    return found;
  }

  private instance(value: PyObject, path: string, depth: number): boolean {
    let found = false;
    for (const part of [value.state, value.items]) if (part) found = this.map(part, path, depth) || found;
    if (value.list) found = this.list(value.list, path, depth) || found;
    // What an object is made from has its own names; a lone tensor among it is not the object itself.
    for (const part of [...value.args, value.other])
      if (part instanceof Map || part instanceof PyObject) found = this.visit(part, path, depth) || found;
      else if (Array.isArray(part) || part instanceof Tuple)
        found = this.visit(part, join(path, 'args'), depth) || found;
    return found || this.other(path, `an instance of ${value.path.slice(0, 120)}`);
  }

  private tensor(path: string, ref: TensorRef): boolean {
    if (path.length > MAX_PATH) return false;
    if (this.flat.tensors.size >= MAX_TENSORS) throw this.absurd('tensors');
    if (!this.flat.tensors.has(path)) this.flat.tensors.set(path, ref);
    return true;
  }

  /** Remembered only where a network's tensor could stand: this is said only if the network needs it. */
  private other(path: string, kind: string): boolean {
    if (path.length > MAX_PATH || !/(^|\.)(enc|dec|map_\w+|out_\w+)\./.test(path)) return false;
    if (this.flat.unreadable.size >= MAX_TENSORS) throw this.absurd('tensors');
    this.flat.unreadable.set(path, kind);
    return true;
  }

  private count(values: number): void {
    this.values += values;
    if (this.values > MAX_VALUES) throw this.absurd('values');
  }

  private absurd(what: string): InnateError {
    return new InnateError('refused', `the file holds an absurd number of ${what}`, { where: this.where });
  }
}

const join = (path: string, key: string): string => (path === '' ? key : `${path}.${key}`);

const tensorOf = (value: Py): TensorRef | null =>
  value instanceof TorchTensor ? value : value instanceof NumpyArray ? value.tensor : null;
