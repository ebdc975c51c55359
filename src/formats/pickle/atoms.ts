import { INLINE_BYTES, INLINE_TEXT, MAX_INT_BYTES } from './budget';
import { floatFromText, intFromText, longFromBytes, stringFromRepr, textFromRawUnicode } from './literals';
import { Op } from './opcodes';
import type { ByteReader } from './reader';
import { PickleStack } from './stack';
import { ByteRange, LongText } from './values';

/** The opcodes that push one value from the file: constants, numbers, text and bytes. */
export abstract class PickleAtoms extends PickleStack {
  /** Place of the current opcode. */
  protected start = 0;

  constructor(protected readonly reader: ByteReader) {
    super();
  }

  get where(): string {
    return this.reader.where(this.start);
  }

  /** False when the opcode is not one of these. */
  protected atom(op: number): boolean {
    const { reader } = this;
    switch (op) {
      case Op.NONE:
        this.stack.push(null);
        return true;
      case Op.NEWTRUE:
        this.stack.push(true);
        return true;
      case Op.NEWFALSE:
        this.stack.push(false);
        return true;
      case Op.INT: {
        const line = reader.line(4096);
        const isBool = line.length === 2 && line[0] === 0x30 && (line[1] === 0x30 || line[1] === 0x31);
        this.stack.push(isBool ? line[1] === 0x31 : intFromText(line, this.where));
        return true;
      }
      case Op.LONG:
        this.stack.push(intFromText(reader.line(4096), this.where));
        return true;
      case Op.BININT:
        this.stack.push(reader.i32());
        return true;
      case Op.BININT1:
        this.stack.push(reader.u8());
        return true;
      case Op.BININT2:
        this.stack.push(reader.u16());
        return true;
      case Op.LONG1:
        this.long(reader.u8());
        return true;
      case Op.LONG4:
        this.long(reader.i32());
        return true;
      case Op.FLOAT:
        this.stack.push(floatFromText(reader.line(4096), this.where));
        return true;
      case Op.BINFLOAT:
        this.stack.push(reader.f64BigEndian());
        return true;

      case Op.STRING:
        this.push(this.repr(reader.line(INLINE_TEXT)));
        return true;
      case Op.UNICODE:
        this.push(textFromRawUnicode(reader.line(INLINE_TEXT)));
        return true;
      case Op.BINSTRING:
        this.binString(reader.i32());
        return true;
      case Op.SHORT_BINSTRING:
        this.binString(reader.u8());
        return true;
      case Op.BINUNICODE:
        this.text(reader.u32());
        return true;
      case Op.SHORT_BINUNICODE:
        this.text(reader.u8());
        return true;
      case Op.BINUNICODE8:
        this.text(reader.u64());
        return true;
      case Op.BINBYTES:
        this.bytes(reader.u32());
        return true;
      case Op.SHORT_BINBYTES:
        this.bytes(reader.u8());
        return true;
      case Op.BINBYTES8:
      case Op.BYTEARRAY8:
        this.bytes(reader.u64());
        return true;

      default:
        return false;
    }
  }

  private long(count: number): void {
    if (count < 0) throw this.wrong('an integer has a negative length');
    if (count > MAX_INT_BYTES) throw this.refused('an integer of the pickle is too long');
    // Long integers are slow to convert; the only one in a torch file has ten bytes.
    if (count > 8) this.budget.spend('text', 32 * count, this);
    this.stack.push(longFromBytes(this.reader.bytes(count)));
  }

  private repr(line: Uint8Array): string {
    // Undoing escapes costs far more than copying.
    this.budget.spend('text', 4 * line.length, this);
    return stringFromRepr(line, this.where);
  }

  private text(count: number): void {
    if (count > INLINE_TEXT) {
      const offset = this.reader.position;
      this.reader.skip(count);
      this.push(new LongText(this.reader.source, offset, count));
    } else this.push(this.reader.utf8(count));
  }

  private bytes(count: number): void {
    if (count > INLINE_BYTES) {
      const offset = this.reader.position;
      this.reader.skip(count);
      this.push(new ByteRange(this.reader.source, offset, count));
    } else {
      this.budget.spend('text', count + 64, this);
      this.push(this.reader.bytes(count));
    }
  }

  /** Python 2 str: text when short, bytes when it can only be data. */
  private binString(count: number): void {
    if (count < 0) throw this.wrong('a string has a negative length');
    if (count > INLINE_BYTES) this.bytes(count);
    else this.push(this.reader.latin1(count));
  }
}
