import { quote } from '../text';
import { buildState, create, reduce } from './calls';
import { textFromRawUnicode } from './literals';
import type { Handlers, PickleMachine } from './machine';
import { Op } from './opcodes';
import { Global, type Py, PyObject, Tuple } from './values';

/** The opcodes that name things and make instances of them. Nothing is called but what builds data. */
export const OBJECTS: Handlers = {
  [Op.GLOBAL]: (machine) => machine.push(globalOfLines(machine)),
  [Op.STACK_GLOBAL](machine) {
    const name = machine.pop();
    const module = machine.pop();
    if (typeof module !== 'string' || typeof name !== 'string')
      throw machine.wrong('a global is not named by text');
    machine.push(machine.global(module, name));
  },

  [Op.REDUCE](machine) {
    const args = machine.pop();
    machine.push(reduce(machine.pop(), argumentsOf(machine, args), machine));
  },
  [Op.NEWOBJ](machine) {
    const args = machine.pop();
    machine.push(create(machine.pop(), argumentsOf(machine, args), machine));
  },
  [Op.NEWOBJ_EX](machine) {
    const kwargs = machine.pop();
    const args = machine.pop();
    const cls = machine.pop();
    if (!(kwargs instanceof Map)) throw machine.wrong('keyword arguments that are no dict');
    // None of the known classes takes any.
    if (kwargs.size > 0 && cls instanceof Global)
      machine.push(new PyObject(cls.path, [...argumentsOf(machine, args), kwargs]));
    else machine.push(create(cls, argumentsOf(machine, args), machine));
  },
  [Op.INST](machine) {
    const cls = globalOfLines(machine);
    instance(machine, cls, machine.sinceMark());
  },
  [Op.OBJ](machine) {
    const [cls, ...args] = machine.sinceMark();
    instance(machine, cls, args);
  },
  [Op.BUILD](machine) {
    const state = machine.pop();
    buildState(machine.top(), state, machine);
  },

  [Op.PERSID]: (machine) => machine.push(machine.persistent(textFromRawUnicode(machine.reader.line(4096)))),
  [Op.BINPERSID]: (machine) => machine.push(machine.persistent(machine.pop())),

  [Op.EXT1]: refuseRegistry,
  [Op.EXT2]: refuseRegistry,
  [Op.EXT4]: refuseRegistry,
  [Op.NEXT_BUFFER]: refuseBuffer,
  [Op.READONLY_BUFFER]: refuseBuffer,
};

/** GLOBAL and INST: module and name, a line each. */
function globalOfLines(machine: PickleMachine): Global {
  const module = textFromRawUnicode(machine.reader.line(512));
  return machine.global(module, textFromRawUnicode(machine.reader.line(512)));
}

/** What a call is given. */
function argumentsOf(machine: PickleMachine, args: Py): readonly Py[] {
  if (!(args instanceof Tuple)) throw machine.wrong('a call without an argument tuple');
  return args.items;
}

/** INST and OBJ of protocol 0: a call when the name has one, else a bare instance. */
function instance(machine: PickleMachine, cls: Py | undefined, args: readonly Py[]): void {
  if (!(cls instanceof Global))
    throw machine.wrong(`an instance of ${quote(typeof cls)}, which is not a class`);
  machine.push(cls.behaviour.call ? reduce(cls, args, machine) : create(cls, args, machine));
}

function refuseRegistry(machine: PickleMachine): never {
  throw machine.refused('the pickle uses the extension registry');
}

function refuseBuffer(machine: PickleMachine): never {
  throw machine.refused('the pickle keeps data outside of the file');
}
