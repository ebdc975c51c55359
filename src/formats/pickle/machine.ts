import { Budget } from './budget';
import type { ByteReader } from './reader';
import { PickleStack } from './stack';
import { type CallContext, Global, type Names, type Py } from './values';

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

/** What the opcodes of one pickle work on: the file, the stack with its marks and memo, and the names. */
export class PickleMachine extends PickleStack implements CallContext {
  readonly budget: Budget;
  readonly loadFromBytes: CallContext['loadFromBytes'];
  /** Place of the current opcode. */
  start = 0;

  constructor(
    readonly reader: ByteReader,
    private readonly options: UnpickleOptions,
  ) {
    super();
    this.budget = options.budget ?? new Budget();
    this.loadFromBytes = options.loadFromBytes;
  }

  get where(): string {
    return this.reader.where(this.start);
  }

  /** What a name stands for; a name that is not known is only a name. */
  global(module: string, name: string): Global {
    if (module.length > MAX_NAME || name.length > MAX_NAME)
      throw this.refused('a name of the pickle is absurdly long');
    return new Global(module, name, this.options.names(module, name) ?? {});
  }

  /** An object that lies outside of the pickle. */
  persistent(id: Py): Py {
    if (!this.options.persistentLoad)
      throw this.refused('the pickle refers to an object outside of itself (a persistent id)');
    return this.options.persistentLoad(id, this.where);
  }
}

/** What opcodes do, by their bytes. */
export type Handlers = Readonly<Record<number, (machine: PickleMachine) => void>>;
