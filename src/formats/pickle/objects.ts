import { badFile, InnateError } from '../../lib/errors';
import { setArrayState } from './numpy';
import {
  type CallContext,
  Global,
  NumpyArray,
  NumpyDtype,
  type Py,
  type PyMap,
  PyObject,
  Tuple,
} from './values';

/** REDUCE: only names with a builder of ours can be called. */
export function reduce(callee: Py, args: readonly Py[], context: CallContext): Py {
  if (!(callee instanceof Global))
    throw badFile('the pickle calls something that is not a name', { where: context.where });
  if (!callee.behaviour.call)
    throw new InnateError('refused', `the pickle wants to call ${callee.path}`, {
      where: context.where,
      hint: 'Only data is read from a checkpoint; nothing in it is run',
    });
  return callee.behaviour.call(args, context);
}

/** NEWOBJ: an empty instance of a listed class. */
export function create(cls: Py, args: readonly Py[], context: CallContext): Py {
  if (!(cls instanceof Global))
    throw badFile('an instance of something that is not a class', { where: context.where });
  if (!cls.behaviour.create)
    throw new InnateError('refused', `the pickle wants an instance of ${cls.path}`, { where: context.where });
  return cls.behaviour.create(args, context);
}

/** BUILD: attributes of an instance. Those of dicts, lists and sets (a state_dict's _metadata) carry nothing. */
export function buildState(target: Py, state: Py, context: CallContext): void {
  if (target instanceof PyObject) target.state = attributes(state, context) ?? target.state;
  else if (target instanceof NumpyArray) setArrayState(target, state, context);
  else if (target instanceof NumpyDtype) {
    const order = state instanceof Tuple ? state.items[1] : undefined;
    if (typeof order !== 'string' || !/^[<>=|]$/.test(order))
      throw badFile('a numpy dtype has no byte order', { where: context.where });
    target.byteOrder = order;
  } else if (!(target instanceof Map) && !(target instanceof Set) && !Array.isArray(target))
    throw badFile('attributes are set on something that has none', { where: context.where });
}

function attributes(state: Py, context: CallContext): PyMap | null {
  if (state instanceof Map) return state;
  if (state === null) return null;
  // (attributes, slots): slots of these classes hold nothing of interest.
  if (state instanceof Tuple && state.items.length === 2) {
    const [first] = state.items;
    if (first instanceof Map) return first;
    if (first === null) return null;
  }
  throw badFile('the attributes of an object are not a dict', { where: context.where });
}
