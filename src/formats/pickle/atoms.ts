import type { Source } from '../source';
import { INLINE_BYTES, INLINE_TEXT, MAX_INT_BYTES } from './budget';
import { floatFromText, intFromText, longFromBytes, stringFromRepr, textFromRawUnicode } from './literals';
import type { Handlers, PickleMachine } from './machine';
import { Op } from './opcodes';
import type { ByteReader } from './reader';
import { ByteRange, LongText } from './values';

/** The opcodes that push one value from the file: constants, numbers, text and bytes. */
export const ATOMS: Handlers = {
  [Op.NONE]: ({ stack }) => void stack.push(null),
  [Op.NEWTRUE]: ({ stack }) => void stack.push(true),
  [Op.NEWFALSE]: ({ stack }) => void stack.push(false),

  [Op.INT]({ reader, stack, where }) {
    const line = reader.line(4096);
    const isBool = line.length === 2 && line[0] === 0x30 && (line[1] === 0x30 || line[1] === 0x31);
    stack.push(isBool ? line[1] === 0x31 : intFromText(line, where));
  },
  [Op.LONG]: ({ reader, stack, where }) => void stack.push(intFromText(reader.line(4096), where)),
  [Op.BININT]: ({ reader, stack }) => void stack.push(reader.i32()),
  [Op.BININT1]: ({ reader, stack }) => void stack.push(reader.u8()),
  [Op.BININT2]: ({ reader, stack }) => void stack.push(reader.u16()),
  [Op.LONG1]: (machine) => pushLong(machine, machine.reader.u8()),
  [Op.LONG4]: (machine) => pushLong(machine, machine.reader.i32()),
  [Op.FLOAT]: ({ reader, stack, where }) => void stack.push(floatFromText(reader.line(4096), where)),
  [Op.BINFLOAT]: ({ reader, stack }) => void stack.push(reader.f64BigEndian()),

  [Op.STRING](machine) {
    const line = machine.reader.line(INLINE_TEXT);
    // Undoing escapes costs far more than copying.
    machine.budget.spend('text', 4 * line.length, machine);
    machine.push(stringFromRepr(line, machine.where));
  },
  [Op.UNICODE]: (machine) => machine.push(textFromRawUnicode(machine.reader.line(INLINE_TEXT))),
  [Op.BINSTRING]: (machine) => pushString(machine, machine.reader.i32()),
  [Op.SHORT_BINSTRING]: (machine) => pushString(machine, machine.reader.u8()),
  [Op.BINUNICODE]: (machine) => pushText(machine, machine.reader.u32()),
  [Op.SHORT_BINUNICODE]: (machine) => pushText(machine, machine.reader.u8()),
  [Op.BINUNICODE8]: (machine) => pushText(machine, machine.reader.u64()),
  [Op.BINBYTES]: (machine) => pushBytes(machine, machine.reader.u32()),
  [Op.SHORT_BINBYTES]: (machine) => pushBytes(machine, machine.reader.u8()),
  [Op.BINBYTES8]: (machine) => pushBytes(machine, machine.reader.u64()),
  [Op.BYTEARRAY8]: (machine) => pushBytes(machine, machine.reader.u64()),
};

function pushLong(machine: PickleMachine, count: number): void {
  if (count < 0) throw machine.wrong('an integer has a negative length');
  if (count > MAX_INT_BYTES) throw machine.refused('an integer of the pickle is too long');
  // Long integers are slow to convert; the only one in a torch file has ten bytes.
  if (count > 8) machine.budget.spend('text', 32 * count, machine);
  machine.stack.push(longFromBytes(machine.reader.bytes(count)));
}

function pushText(machine: PickleMachine, count: number): void {
  const { reader } = machine;
  machine.push(count > INLINE_TEXT ? new LongText(...passOver(reader, count)) : reader.utf8(count));
}

function pushBytes(machine: PickleMachine, count: number): void {
  const { reader } = machine;
  if (count > INLINE_BYTES) machine.push(new ByteRange(...passOver(reader, count)));
  else {
    machine.budget.spend('text', count + 64, machine);
    machine.push(reader.bytes(count));
  }
}

/** Passes over what is too long to copy; returns where it lies. */
function passOver(reader: ByteReader, count: number): [source: Source, offset: number, count: number] {
  const offset = reader.position;
  reader.skip(count);
  return [reader.source, offset, count];
}

/** Python 2 str: text when short, bytes when it can only be data. */
function pushString(machine: PickleMachine, count: number): void {
  if (count < 0) throw machine.wrong('a string has a negative length');
  if (count > INLINE_BYTES) pushBytes(machine, count);
  else machine.push(machine.reader.latin1(count));
}
