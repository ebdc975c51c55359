import type { Source } from '../source';
import type { DType, TensorRef } from '../tensor';
import type { Budget } from './budget';

/**
 * What a pickle becomes here: data, never behaviour. Python's None, bool, float and str are their JavaScript
 * counterparts, int is a number when safe and a bigint otherwise, list an array, dict a Map (so a key named
 * __proto__ is just a key), set a Set, short bytes a Uint8Array.
 */
export type Py =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | Py[]
  | PyMap
  | Set<Py>
  | Tuple
  | ByteRange
  | LongText
  | Complex
  | Global
  | PyObject
  | PersistentObject
  | NumpyDtype
  | NumpyArray
  | Opaque;

export type PyMap = Map<Py, Py>;

export class Tuple {
  constructor(readonly items: readonly Py[]) {}
}

/** A long bytes object that stays in the file: this is what lets a 1.2 GB pickle open at once. */
export class ByteRange {
  constructor(
    readonly source: Source,
    readonly offset: number,
    readonly length: number,
  ) {}
}

/** A long str that stays in the file, UTF-8: module source code, which is never looked at. */
export class LongText {
  constructor(
    readonly source: Source,
    readonly offset: number,
    readonly length: number,
  ) {}
}

export class Complex {
  constructor(
    readonly re: number,
    readonly im: number,
  ) {}
}

/** A value of a reader on top of this machine (torch storages and tensors); the machine only passes it on. */
export abstract class Opaque {
  abstract readonly kind: string;
}

/** What a call may use. */
export interface CallContext {
  readonly budget: Budget;
  /** Position of the opcode, for messages. */
  readonly where: string;
  /** torch.storage._load_from_bytes, supplied by the torch reader. */
  readonly loadFromBytes?: (bytes: ByteRange | Uint8Array, budget: Budget) => Py;
}

/** What a known name can do; without any of these it is only a name that can be passed around. */
export interface Behaviour {
  /** REDUCE: a call of ours that builds data. */
  readonly call?: (args: readonly Py[], context: CallContext) => Py;
  /** NEWOBJ and copyreg._reconstructor: an empty instance. */
  readonly create?: (args: readonly Py[], context: CallContext) => Py;
  /** For storage classes and dtypes. */
  readonly dtype?: DType | null;
}

export class Global {
  constructor(
    readonly module: string,
    readonly name: string,
    readonly behaviour: Behaviour,
  ) {}

  get path(): string {
    return `${this.module}.${this.name}`;
  }
}

/**
 * An instance of any class that is not known better, reduced to data: its class's name, what it was made from,
 * its attributes and its items. Nothing of the class is run, so that any name may stand in a file.
 */
export class PyObject {
  /** Attributes. */
  state: PyMap | null = null;
  /** Items of a subclass of dict. */
  items: PyMap | null = null;
  /** Items of a subclass of list, set or deque. */
  list: Py[] | null = null;
  /** What BUILD sets when it is no dict of attributes: the state of functools.partial, for one. */
  other: Py = null;

  constructor(
    /** Dotted path as the pickle gives it. */
    readonly path: string,
    readonly args: readonly Py[] = [],
  ) {}

  /** The class's own name, without the module it was imported from. */
  get className(): string {
    return this.path.slice(this.path.lastIndexOf('.') + 1);
  }
}

/** torch_utils/persistence.py in NVlabs/edm: class name and attributes; the source code it carries is ignored. */
export class PersistentObject extends PyObject {
  constructor(className: string, state: PyMap) {
    super(className);
    this.state = state;
  }
}

/** The key-value pairs of a dict, or of an instance of a subclass of dict; null for anything else. */
export const dictItems = (value: Py | undefined): PyMap | null =>
  value instanceof Map ? value : value instanceof PyObject ? value.items : null;

/** What the pickle's names are looked up in: null for a name that is not known, which becomes a placeholder. */
export type Names = (module: string, name: string) => Behaviour | null;

export class NumpyDtype {
  /** '<', '>', '=' or '|'. */
  byteOrder = '|';

  constructor(
    readonly kind: string,
    readonly size: number,
  ) {}
}

export class NumpyArray {
  /** Null until its state arrives, and for element types that no tensor has. */
  tensor: TensorRef | null = null;
}
