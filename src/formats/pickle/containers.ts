import type { Handlers, PickleMachine } from './machine';
import { Op } from './opcodes';
import { dictItems, type Py, PyObject, Tuple } from './values';

/** The opcodes of tuples, lists, dicts and sets. */
export const CONTAINERS: Handlers = {
  [Op.EMPTY_TUPLE]: (machine) => machine.push(new Tuple([])),
  [Op.TUPLE1]: (machine) => machine.push(new Tuple(machine.take(1))),
  [Op.TUPLE2]: (machine) => machine.push(new Tuple(machine.take(2))),
  [Op.TUPLE3]: (machine) => machine.push(new Tuple(machine.take(3))),
  [Op.TUPLE]: (machine) => machine.push(new Tuple(machine.sinceMark())),

  [Op.EMPTY_LIST]: (machine) => machine.push([]),
  [Op.LIST]: (machine) => machine.push(machine.sinceMark()),
  [Op.APPEND]: (machine) => append(machine, machine.take(1)),
  [Op.APPENDS]: (machine) => append(machine, machine.sinceMark()),

  [Op.EMPTY_DICT]: (machine) => machine.push(new Map()),
  [Op.DICT](machine) {
    const items = machine.sinceMark();
    machine.push(new Map());
    setItems(machine, items);
  },
  [Op.SETITEM]: (machine) => setItems(machine, machine.take(2)),
  [Op.SETITEMS]: (machine) => setItems(machine, machine.sinceMark()),

  [Op.EMPTY_SET]: (machine) => machine.push(new Set()),
  [Op.FROZENSET]: (machine) => machine.push(new Set(machine.sinceMark())),
  [Op.ADDITEMS]: (machine) => addItems(machine, machine.sinceMark()),
};

function append(machine: PickleMachine, items: readonly Py[]): void {
  const list = machine.top();
  if (list instanceof PyObject) extend(list, items);
  else if (Array.isArray(list)) for (const item of items) list.push(item);
  else throw machine.wrong('items are appended to something that is not a list');
}

function setItems(machine: PickleMachine, items: readonly Py[]): void {
  const top = machine.top();
  if (top instanceof PyObject) top.items ??= new Map();
  const map = dictItems(top);
  if (!map) throw machine.wrong('items are set on something that is not a dict');
  if (items.length % 2 !== 0) throw machine.wrong('a dict key has no value');
  for (let i = 0; i < items.length; i += 2) map.set(items[i]!, items[i + 1]!);
}

function addItems(machine: PickleMachine, items: readonly Py[]): void {
  const set = machine.top();
  if (set instanceof PyObject) extend(set, items);
  else if (set instanceof Set) for (const item of items) set.add(item);
  else throw machine.wrong('items are added to something that is not a set');
}

/** Items of an instance of a subclass of list, set or deque. */
function extend(target: PyObject, items: readonly Py[]): void {
  target.list ??= [];
  for (const item of items) target.list.push(item);
}
