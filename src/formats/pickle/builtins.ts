import { badFile } from '../../lib/errors';
import { bufferSource } from '../source';
import { latin1Bytes, utf8 } from '../text';
import { INLINE_BYTES } from './budget';
import {
  type Behaviour,
  ByteRange,
  type CallContext,
  Complex,
  dictItems,
  Global,
  LongText,
  type Py,
  type PyMap,
  PyObject,
  Tuple,
} from './values';

/** The elements of a listed container; copying them is charged, since a memoised list copies for four bytes. */
function elements(value: Py | undefined, context: CallContext): Py[] {
  if (value === undefined) return [];
  const { budget, where } = context;
  if (value instanceof Tuple) {
    budget.spend('copied', value.items.length, context);
    return [...value.items];
  }
  if (Array.isArray(value) || value instanceof Set) {
    budget.spend('copied', Array.isArray(value) ? value.length : value.size, context);
    return [...value];
  }
  if (value instanceof Map) {
    budget.spend('copied', value.size, context);
    return [...value.keys()];
  }
  if (value instanceof PyObject) return elements(value.list ?? value.items ?? [], context);
  throw badFile('a container is made from something that is not one', { where });
}

function mapFrom(value: Py | undefined, context: CallContext): PyMap {
  if (value === undefined) return new Map();
  const items = dictItems(value);
  if (items) {
    context.budget.spend('copied', items.size, context);
    return new Map(items);
  }
  const map: PyMap = new Map();
  for (const pair of elements(value, context)) {
    const items = pair instanceof Tuple ? pair.items : Array.isArray(pair) ? pair : [];
    if (items.length !== 2)
      throw badFile('a dict is made from something other than pairs', { where: context.where });
    map.set(items[0]!, items[1]!);
  }
  return map;
}

const simple = (value: Py | undefined, context: CallContext): number | bigint => {
  if (value === undefined) return 0;
  if (typeof value === 'number' || typeof value === 'bigint') return value;
  if (typeof value === 'boolean') return Number(value);
  if (value instanceof PyObject) return Number.NaN; // a number of a class that is not known
  if (typeof value === 'string' && value.length < 64 && value.trim() !== '' && !Number.isNaN(Number(value)))
    return Number(value);
  throw badFile('a number is made from something that is not one', { where: context.where });
};

/** bytes(...) and bytearray(...): of bytes, of latin-1 text (protocol 0 to 2), or empty. */
function bytesFrom(args: readonly Py[], context: CallContext): Py {
  const [value, encoding] = args;
  if (value === undefined) return new Uint8Array(0);
  if (value instanceof Uint8Array || value instanceof ByteRange) return value;
  if (value instanceof PyObject) return new PyObject('builtins.bytes', args);
  if (typeof value === 'string' && encoding !== undefined) return encode(args, context);
  throw badFile('bytes are made from something that is not bytes', { where: context.where });
}

/** _codecs.encode(text, 'latin1'): how protocols 0 to 2 write bytes. Other encodings are never needed. */
function encode(args: readonly Py[], context: CallContext): Py {
  const { where } = context;
  const [value, encoding] = args;
  if (encoding !== 'latin1' && encoding !== 'latin-1' && encoding !== 'iso-8859-1')
    return new PyObject('_codecs.encode', args);
  if (value instanceof LongText) return latin1Range(value, context);
  const bytes = typeof value === 'string' ? latin1Bytes(value) : null;
  if (!bytes) throw badFile('text that is not latin1', { where });
  context.budget.spend('text', bytes.length + 64, context);
  if (bytes.length <= INLINE_BYTES) return bytes;
  return new ByteRange(bufferSource(bytes, where), 0, bytes.length);
}

/** Storages of protocol 2 files: UTF-8 text that has to be decoded, so it is held in memory, within the budget. */
function latin1Range(text: LongText, context: CallContext): Py {
  const { where, budget } = context;
  budget.spend('text', text.length, context);
  const out = new Uint8Array(text.length);
  const chunk = 1 << 20;
  let used = 0;
  // A character of latin-1 takes one or two bytes; a piece is cut before a lone first byte.
  for (let at = 0; at < text.length; ) {
    const piece = text.source.read(text.offset + at, Math.min(chunk, text.length - at));
    let end = piece.length;
    if (end < text.length - at && (piece[end - 1]! & 0xc0) === 0xc0) end--;
    const bytes = latin1Bytes(utf8(piece.subarray(0, end)));
    if (!bytes || end === 0) throw badFile('text that is not latin1', { where });
    out.set(bytes, used);
    used += bytes.length;
    at += end;
  }
  return new ByteRange(bufferSource(out.subarray(0, used), where), 0, used);
}

const list: Behaviour = { call: (a, c) => elements(a[0], c), create: () => [] };
const set: Behaviour = { call: (a, c) => new Set(elements(a[0], c)), create: () => new Set<Py>() };
const dict: Behaviour = { call: (a, c) => mapFrom(a[0], c), create: () => new Map() };

export const BUILTINS: Record<string, Behaviour> = {
  list,
  set,
  frozenset: set,
  dict,
  tuple: { call: (a, c) => new Tuple(elements(a[0], c)) },
  int: { call: (a, c) => simple(a[0], c) },
  long: { call: (a, c) => simple(a[0], c) },
  float: { call: (a, c) => Number(simple(a[0], c)) },
  bool: { call: (a, c) => Number(simple(a[0], c)) !== 0 },
  complex: { call: (a, c) => new Complex(Number(simple(a[0], c)), Number(simple(a[1], c))) },
  // slice(a, b, c) holds nothing that a network is made of; its bounds are kept as a tuple.
  slice: { call: (a) => new Tuple(a.slice(0, 3)) },
  bytes: { call: bytesFrom },
  bytearray: { call: bytesFrom },
  object: { create: () => new PyObject('builtins.object') },
  str: {},
};

export const COLLECTIONS: Record<'OrderedDict' | 'defaultdict', Behaviour> = {
  OrderedDict: dict,
  // defaultdict(factory): the factory is a name and stays one.
  defaultdict: { call: () => new Map(), create: () => new Map() },
};

export const CODECS: Record<string, Behaviour> = { encode: { call: encode } };

/** copyreg._reconstructor(class, base, state): how protocols 0 and 1 make instances. */
export const COPYREG: Record<string, Behaviour> = {
  _reconstructor: {
    call: (args, context) => {
      const [cls, , state] = args;
      const made = (cls instanceof Global && cls.behaviour.create?.([], context)) || null;
      if (made instanceof Map) return state instanceof Map ? mapFrom(state, context) : made;
      if (made) return made;
      const placeholder = new PyObject(cls instanceof Global ? cls.path : 'an unknown class');
      if (state instanceof Map) placeholder.items = mapFrom(state, context);
      else if (Array.isArray(state)) placeholder.list = elements(state, context);
      return placeholder;
    },
  },
};
