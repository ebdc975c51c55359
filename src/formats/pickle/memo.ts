import { intFromText } from './literals';
import type { Handlers, PickleMachine } from './machine';
import { Op } from './opcodes';

/** The opcodes of the stack itself: marks, and the memo of values that come again. */
export const MEMO: Handlers = {
  [Op.MARK]: (machine) => machine.mark(),
  [Op.POP]: (machine) => machine.popOrUnmark(),
  [Op.POP_MARK]: (machine) => void machine.sinceMark(),
  [Op.DUP]: (machine) => void machine.stack.push(machine.top()),

  [Op.MEMOIZE]: (machine) => machine.memoize(),
  [Op.BINPUT]: (machine) => machine.remember(machine.reader.u8()),
  [Op.LONG_BINPUT]: (machine) => machine.remember(machine.reader.u32()),
  [Op.PUT]: (machine) => machine.remember(indexOfLine(machine)),
  [Op.BINGET]: (machine) => machine.recall(machine.reader.u8()),
  [Op.LONG_BINGET]: (machine) => machine.recall(machine.reader.u32()),
  [Op.GET]: (machine) => machine.recall(indexOfLine(machine)),
};

/** PUT and GET of protocol 0: an index that is written as text. */
function indexOfLine(machine: PickleMachine): number {
  const value = intFromText(machine.reader.line(32), machine.where);
  if (typeof value !== 'number' || value < 0) throw machine.wrong('a memo index is not a small number');
  return value;
}
