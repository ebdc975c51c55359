import { badFile, InnateError } from '../../lib/errors';
import { quote } from '../text';
import { PickleAtoms } from './atoms';
import { Budget } from './budget';
import { intFromText, textFromRawUnicode } from './literals';
import { buildState, create, reduce } from './objects';
import { Op } from './opcodes';
import type { ByteReader } from './reader';
import { type CallContext, dictItems, Global, type Names, type Py, PyObject, Tuple } from './values';

/** Longest name of a module, or within one. */
const MAX_NAME = 512;

export interface UnpickleOptions {
  /** What names stand for. */
  readonly names: Names;
  readonly budget?: Budget;
  /** PERSID and BINPERSID; refused when absent. */
  readonly persistentLoad?: (id: Py, where: string) => Py;
  readonly loadFromBytes?: CallContext['loadFromBytes'];
}

/**
 * Runs one pickle, from the reader's position to its STOP, and returns its value. A pickle is a program; this
 * machine executes only the parts that build data, and a name that is not known leaves a placeholder (PyObject).
 * Nothing here recurses, and `budget` bounds time and memory whatever the file says.
 */
export function unpickle(reader: ByteReader, options: UnpickleOptions): Py {
  return new Machine(reader, options).run();
}

class Machine extends PickleAtoms implements CallContext {
  readonly budget: Budget;
  readonly loadFromBytes: CallContext['loadFromBytes'];

  constructor(
    reader: ByteReader,
    private readonly options: UnpickleOptions,
  ) {
    super(reader);
    this.budget = options.budget ?? new Budget();
    this.loadFromBytes = options.loadFromBytes;
  }

  run(): Py {
    const { reader, budget } = this;
    let untilCharged = 0;
    for (;;) {
      // The charge is for a batch in advance; a nested pickle of a few opcodes pays little too much.
      if (untilCharged === 0) {
        untilCharged = 16;
        budget.spend('opcodes', untilCharged, this);
      }
      untilCharged--;
      this.start = reader.position;
      const op = reader.u8();
      if (op === Op.STOP) return this.pop();
      this.step(op);
      this.checkHeight();
    }
  }

  private step(op: number): void {
    const { reader } = this;
    switch (op) {
      case Op.PROTO: {
        const version = reader.u8();
        if (version > 5)
          throw new InnateError('unsupported', 'a pickle protocol newer than any known', {
            where: this.where,
            expected: '0 to 5',
            found: String(version),
          });
        return;
      }
      case Op.FRAME:
        // Frames only tell CPython how much to read ahead.
        reader.u64();
        return;
      case Op.MARK:
        this.mark();
        return;
      case Op.POP:
        this.popOrUnmark();
        return;
      case Op.POP_MARK:
        this.sinceMark();
        return;
      case Op.DUP:
        this.stack.push(this.top());
        return;

      case Op.EMPTY_TUPLE:
        this.push(new Tuple([]));
        return;
      case Op.TUPLE1:
        this.push(new Tuple(this.take(1)));
        return;
      case Op.TUPLE2:
        this.push(new Tuple(this.take(2)));
        return;
      case Op.TUPLE3:
        this.push(new Tuple(this.take(3)));
        return;
      case Op.TUPLE:
        this.push(new Tuple(this.sinceMark()));
        return;
      case Op.EMPTY_LIST:
        this.push([]);
        return;
      case Op.LIST:
        this.push(this.sinceMark());
        return;
      case Op.APPEND:
        this.append(this.take(1));
        return;
      case Op.APPENDS:
        this.append(this.sinceMark());
        return;
      case Op.EMPTY_DICT:
        this.push(new Map());
        return;
      case Op.DICT: {
        const items = this.sinceMark();
        this.push(new Map());
        this.setItems(items);
        return;
      }
      case Op.SETITEM:
        this.setItems(this.take(2));
        return;
      case Op.SETITEMS:
        this.setItems(this.sinceMark());
        return;
      case Op.EMPTY_SET:
        this.push(new Set());
        return;
      case Op.FROZENSET:
        this.push(new Set(this.sinceMark()));
        return;
      case Op.ADDITEMS: {
        const items = this.sinceMark();
        const set = this.top();
        if (set instanceof PyObject) this.extend(set, items);
        else if (set instanceof Set) for (const item of items) set.add(item);
        else throw this.wrong('items are added to something that is not a set');
        return;
      }

      case Op.MEMOIZE:
        this.memoize();
        return;
      case Op.BINPUT:
        this.remember(reader.u8());
        return;
      case Op.LONG_BINPUT:
        this.remember(reader.u32());
        return;
      case Op.PUT:
        this.remember(this.index(reader.line(32)));
        return;
      case Op.BINGET:
        this.recall(reader.u8());
        return;
      case Op.LONG_BINGET:
        this.recall(reader.u32());
        return;
      case Op.GET:
        this.recall(this.index(reader.line(32)));
        return;

      case Op.GLOBAL: {
        const module = textFromRawUnicode(reader.line(512));
        this.push(this.global(module, textFromRawUnicode(reader.line(512))));
        return;
      }
      case Op.STACK_GLOBAL: {
        const [module, name] = this.take(2);
        if (typeof module !== 'string' || typeof name !== 'string')
          throw this.wrong('a global is not named by text');
        this.push(this.global(module, name));
        return;
      }
      case Op.REDUCE: {
        const [callee, args] = this.take(2);
        this.push(reduce(callee!, this.tuple(args), this));
        return;
      }
      case Op.NEWOBJ: {
        const [cls, args] = this.take(2);
        this.push(create(cls!, this.tuple(args), this));
        return;
      }
      case Op.NEWOBJ_EX: {
        const [cls, args, kwargs] = this.take(3);
        if (!(kwargs instanceof Map)) throw this.wrong('keyword arguments that are no dict');
        // None of the known classes takes any.
        if (kwargs.size > 0 && cls instanceof Global)
          this.push(new PyObject(cls.path, [...this.tuple(args), kwargs]));
        else this.push(create(cls!, this.tuple(args), this));
        return;
      }
      case Op.INST: {
        const module = textFromRawUnicode(reader.line(512));
        const cls = this.global(module, textFromRawUnicode(reader.line(512)));
        this.instance(cls, this.sinceMark());
        return;
      }
      case Op.OBJ: {
        const [cls, ...args] = this.sinceMark();
        this.instance(cls, args);
        return;
      }
      case Op.BUILD: {
        const [state] = this.take(1);
        buildState(this.top(), state!, this);
        return;
      }

      case Op.PERSID:
        this.persistent(textFromRawUnicode(reader.line(4096)));
        return;
      case Op.BINPERSID:
        this.persistent(this.take(1)[0]!);
        return;
      case Op.EXT1:
      case Op.EXT2:
      case Op.EXT4:
        throw this.refused('the pickle uses the extension registry');
      case Op.NEXT_BUFFER:
      case Op.READONLY_BUFFER:
        throw this.refused('the pickle keeps data outside of the file');
      default:
        if (this.atom(op)) return;
        throw badFile('not a pickle, or a damaged one', {
          where: this.where,
          expected: 'an opcode',
          found: `byte 0x${op.toString(16).padStart(2, '0')}`,
          hint: 'Download or copy the file again',
        });
    }
  }

  private tuple(args: Py | undefined): readonly Py[] {
    if (!(args instanceof Tuple)) throw this.wrong('a call without an argument tuple');
    return args.items;
  }

  private global(module: string, name: string): Global {
    if (module.length > MAX_NAME || name.length > MAX_NAME)
      throw this.refused('a name of the pickle is absurdly long');
    return new Global(module, name, this.options.names(module, name) ?? {});
  }

  private extend(target: PyObject, items: readonly Py[]): void {
    target.list ??= [];
    for (const item of items) target.list.push(item);
  }

  private append(items: Py[]): void {
    const list = this.top();
    if (list instanceof PyObject) {
      this.extend(list, items);
      return;
    }
    if (!Array.isArray(list)) throw this.wrong('items are appended to something that is not a list');
    for (const item of items) list.push(item);
  }

  private setItems(items: Py[]): void {
    const top = this.top();
    if (top instanceof PyObject) top.items ??= new Map();
    const map = dictItems(top);
    if (!map) throw this.wrong('items are set on something that is not a dict');
    if (items.length % 2 !== 0) throw this.wrong('a dict key has no value');
    for (let i = 0; i < items.length; i += 2) map.set(items[i]!, items[i + 1]!);
  }

  private index(line: Uint8Array): number {
    const value = intFromText(line, this.where);
    if (typeof value !== 'number' || value < 0) throw this.wrong('a memo index is not a small number');
    return value;
  }

  /** INST and OBJ of protocol 0: a call when the name has one, else a bare instance. */
  private instance(cls: Py | undefined, args: Py[]): void {
    if (!(cls instanceof Global))
      throw this.wrong(`an instance of ${quote(typeof cls)}, which is not a class`);
    this.push(cls.behaviour.call ? reduce(cls, args, this) : create(cls, args, this));
  }

  private persistent(id: Py): void {
    if (!this.options.persistentLoad)
      throw this.refused('the pickle refers to an object outside of itself (a persistent id)');
    this.push(this.options.persistentLoad(id, this.where));
  }
}
