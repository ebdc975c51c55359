import type { ModuleObject } from './flatten';
import { ATTRIBUTES, type Kwargs } from './kwargs';
import { dictItems, Global, type Py, PyObject, Tuple } from './pickle/values';

const MAX_NODES = 2000;
const MAX_DEPTH = 8;

/** Plain values of a pickled one; what has no counterpart (code, bytes, tensors) becomes null. */
export function plain(value: Py | undefined): unknown {
  let nodes = 0;
  const convert = (v: Py | undefined, depth: number): unknown => {
    // Arguments are a handful of numbers and lists; a graph that folds out endlessly is cut.
    if (++nodes > MAX_NODES || depth > MAX_DEPTH) return null;
    if (v === undefined || v === null) return null;
    if (typeof v === 'boolean' || typeof v === 'number' || typeof v === 'string') return v;
    if (typeof v === 'bigint') return v.toString().slice(0, 64);
    if (v instanceof Tuple) return cut(v.items).map((item) => convert(item, depth + 1));
    if (Array.isArray(v)) return cut(v).map((item) => convert(item, depth + 1));
    if (v instanceof Set) return cut([...v]).map((item) => convert(item, depth + 1));
    if (v instanceof Global) return v.path;
    const map = dictItems(v) ?? (v instanceof PyObject ? v.state : null);
    if (!map) return null;
    const out: Kwargs = new Map();
    for (const [key, item] of map) {
      if (nodes > MAX_NODES) break;
      if (typeof key === 'string') out.set(key, convert(item, depth + 1));
    }
    return out;
  };
  return convert(value, 0);
}

const cut = <T>(items: readonly T[]): readonly T[] =>
  items.length > MAX_NODES ? items.slice(0, MAX_NODES) : items;

const dictOf = (value: Py | undefined): Kwargs => {
  const items = dictItems(value);
  const out = items ? plain(items) : null;
  return out instanceof Map ? out : new Map();
};

/**
 * The constructor arguments of a preconditioned network: the keyword arguments it was made with, completed
 * from its attributes; when it was made with positional ones, also from those of its U-Net, `inner`.
 */
export function moduleKwargs(module: ModuleObject, inner: ModuleObject | undefined): Kwargs {
  const own = dictOf(module.state.get('_init_kwargs'));
  const result: Kwargs = new Map();
  if (own.size === 0 && inner) {
    const innerKwargs = dictOf(inner.state.get('_init_kwargs'));
    for (const [key, value] of innerKwargs)
      if (key !== 'in_channels' && key !== 'out_channels') result.set(key, value);
  }
  for (const name of ATTRIBUTES) {
    const value = plain(module.state.get(name));
    if (typeof value === 'number' || typeof value === 'boolean') result.set(name, value);
  }
  for (const [key, value] of own) result.set(key, value);
  if (!result.has('model_type') && inner) result.set('model_type', inner.className);
  return result;
}

/** The same for a U-Net without preconditioning around it. */
export function bareKwargs(module: ModuleObject): Kwargs {
  const result: Kwargs = new Map();
  for (const [key, value] of dictOf(module.state.get('_init_kwargs'))) {
    if (key === 'out_channels') result.set('img_channels', value);
    else if (key !== 'in_channels') result.set(key, value);
  }
  result.set('model_type', module.className);
  return result;
}
