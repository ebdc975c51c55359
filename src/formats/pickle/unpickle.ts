import { badFile, InnateError } from '../../lib/errors';
import { ATOMS } from './atoms';
import { CONTAINERS } from './containers';
import { type Handlers, PickleMachine, type UnpickleOptions } from './machine';
import { MEMO } from './memo';
import { OBJECTS } from './objects';
import { Op } from './opcodes';
import type { ByteReader } from './reader';
import type { Py } from './values';

/**
 * Runs one pickle, from the reader's position to its STOP, and returns its value. A pickle is a program; this
 * machine executes only the parts that build data, and a name that is not known leaves a placeholder (PyObject).
 * Nothing here recurses, and `budget` bounds time and memory whatever the file says.
 */
export function unpickle(reader: ByteReader, options: UnpickleOptions): Py {
  const machine = new PickleMachine(reader, options);
  let untilCharged = 0;
  for (;;) {
    // The charge is for a batch in advance; a nested pickle of a few opcodes pays little too much.
    if (untilCharged === 0) {
      untilCharged = 16;
      machine.budget.spend('opcodes', untilCharged, machine);
    }
    untilCharged--;
    machine.start = reader.position;
    const op = reader.u8();
    if (op === Op.STOP) return machine.pop();
    const handle = HANDLERS[op];
    if (!handle) throw unknown(op, machine);
    handle(machine);
    machine.checkHeight();
  }
}

/** Opcodes that say how to read on. */
export const FRAMING: Handlers = {
  [Op.PROTO](machine) {
    const version = machine.reader.u8();
    if (version > 5)
      throw new InnateError('unsupported', 'a pickle protocol newer than any known', {
        where: machine.where,
        expected: '0 to 5',
        found: String(version),
      });
  },
  // Frames only tell CPython how much to read ahead.
  [Op.FRAME]: ({ reader }) => void reader.u64(),
};

/** By opcode; undefined = no opcode. */
const HANDLERS = Array.from(
  { length: 256 },
  (_, op) => ({ ...FRAMING, ...MEMO, ...ATOMS, ...CONTAINERS, ...OBJECTS })[op],
);

const unknown = (op: number, { where }: PickleMachine): InnateError =>
  badFile('not a pickle, or a damaged one', {
    where,
    expected: 'an opcode',
    found: `byte 0x${op.toString(16).padStart(2, '0')}`,
    hint: 'Download or copy the file again',
  });
