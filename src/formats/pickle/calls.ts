import { badFile } from '../../lib/errors';
import { setArrayState } from './numpy';
import {
  type CallContext,
  dictItems,
  Global,
  NumpyArray,
  NumpyDtype,
  type Py,
  type PyMap,
  PyObject,
  Tuple,
} from './values';

/**
 * REDUCE: names with a builder of ours build data; any other call leaves a placeholder that holds what it would
 * have been given. Nothing is called.
 */
export function reduce(callee: Py, args: readonly Py[], context: CallContext): Py {
  if (callee instanceof Global) {
    const { call } = callee.behaviour;
    return call ? call(args, context) : new PyObject(callee.path, args);
  }
  // What an unknown call would have returned is called in its turn: getattr(object, 'method')().
  if (callee instanceof PyObject) return new PyObject(callee.path, args);
  throw badFile('the pickle calls something that is not a name', { where: context.where });
}

/** NEWOBJ: an empty instance; of a class that is not known, a placeholder. */
export function create(cls: Py, args: readonly Py[], context: CallContext): Py {
  if (cls instanceof Global) return cls.behaviour.create?.(args, context) ?? new PyObject(cls.path, args);
  if (cls instanceof PyObject) return new PyObject(cls.path, args);
  throw badFile('an instance of something that is not a class', { where: context.where });
}

/** BUILD: attributes of an instance. Those of dicts, lists and sets (a state_dict's _metadata) carry nothing. */
export function buildState(target: Py, state: Py, context: CallContext): void {
  if (target instanceof PyObject) {
    const found = attributes(state);
    if (found) target.state = found;
    else target.other = state;
  } else if (target instanceof NumpyArray) setArrayState(target, state, context);
  else if (target instanceof NumpyDtype) {
    const order = state instanceof Tuple ? state.items[1] : undefined;
    if (typeof order !== 'string' || !/^[<>=|]$/.test(order))
      throw badFile('a numpy dtype has no byte order', { where: context.where });
    target.byteOrder = order;
  } else if (target === null || typeof target !== 'object' || target instanceof Tuple)
    throw badFile('attributes are set on something that has none', { where: context.where });
}

/** A dict of attributes, or the pair (attributes, slots) of a class with __slots__. */
function attributes(state: Py): PyMap | null {
  if (!(state instanceof Tuple) || state.items.length !== 2) return dictItems(state);
  const [first, slots] = state.items.map(dictItems);
  return first?.size ? first : (slots ?? first ?? null);
}
