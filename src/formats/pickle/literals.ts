import { badFile, InnateError } from '../../lib/errors';
import { latin1, quote } from '../text';
import { MAX_INT_BYTES } from './budget';

/** Little-endian two's complement, as LONG1 and LONG4 carry it. */
export function longFromBytes(bytes: Uint8Array): number | bigint {
  if (bytes.length === 0) return 0;
  let hex = '0x';
  for (let i = bytes.length - 1; i >= 0; i--) hex += bytes[i]!.toString(16).padStart(2, '0');
  return narrow(BigInt.asIntN(8 * bytes.length, BigInt(hex)));
}

/** The argument of INT and LONG: decimal digits, a trailing L allowed; 00 and 01 are INT's booleans. */
export function intFromText(line: Uint8Array, where: string): number | bigint {
  const text = latin1(line).trim().replace(/L$/, '');
  if (text.length > 2 * MAX_INT_BYTES)
    throw new InnateError('refused', 'an integer of the pickle is too long', {
      where,
      found: `${text.length} digits`,
    });
  if (!/^[+-]?\d+$/.test(text)) throw badFile('not an integer', { where, found: quote(text) });
  return narrow(BigInt(text.replace(/^\+/, '')));
}

const narrow = (value: bigint): number | bigint => {
  const n = Number(value);
  return Number.isSafeInteger(n) ? n : value;
};

/** The argument of FLOAT: what Python's repr writes. */
export function floatFromText(line: Uint8Array, where: string): number {
  const text = latin1(line).trim().toLowerCase();
  const special = /^([+-]?)(inf|infinity|nan)$/.exec(text);
  if (special) {
    if (special[2] === 'nan') return Number.NaN;
    return special[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  }
  if (text.length > 64 || !/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/.test(text))
    throw badFile('not a number', { where, found: quote(text) });
  return Number(text);
}

const ESCAPES: Record<string, string> = { n: '\n', r: '\r', t: '\t', b: '\b', f: '\f', v: '\v', a: '\x07' };

/** The argument of STRING: a quoted Python 2 string, escapes included, as latin-1 text. */
export function stringFromRepr(line: Uint8Array, where: string): string {
  const text = latin1(line).trim();
  const q = text[0];
  if (text.length < 2 || (q !== "'" && q !== '"') || text.at(-1) !== q)
    throw badFile('a string of the pickle is not quoted', { where, found: quote(text) });
  return text.slice(1, -1).replace(/\\(x[0-9a-fA-F]{2}|[0-7]{1,3}|[\s\S])/g, (_, e: string) => {
    if (e.length === 3 && e[0] === 'x') return String.fromCharCode(Number.parseInt(e.slice(1), 16));
    if (/^[0-7]+$/.test(e)) return String.fromCharCode(Number.parseInt(e, 8) & 255);
    return ESCAPES[e] ?? (e === '\\' || e === "'" || e === '"' ? e : `\\${e}`);
  });
}

/** The argument of UNICODE: raw-unicode-escape. */
export function textFromRawUnicode(line: Uint8Array): string {
  return latin1(line).replace(/\\(u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8})/g, (all, e: string) => {
    const code = Number.parseInt(e.slice(1), 16);
    return code <= 0x10ffff ? String.fromCodePoint(code) : all;
  });
}
