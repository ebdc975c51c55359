import { badFile, InnateError } from '../lib/errors';
import { DTYPE_BYTES, type DType, elementCount, MAX_RANK } from './tensor';
import { quote } from './text';

export const METADATA_KEY = '__metadata__';
const MAX_ENTRIES = 200_000;
const MAX_METADATA = 10_000;
const MAX_NAME = 4096;

export const SAFETENSORS_DTYPES: Record<DType, string> = {
  f64: 'F64',
  f32: 'F32',
  f16: 'F16',
  bf16: 'BF16',
  i64: 'I64',
  i32: 'I32',
  i16: 'I16',
  i8: 'I8',
  u8: 'U8',
  bool: 'BOOL',
};
const BY_NAME = new Map(Object.entries(SAFETENSORS_DTYPES).map(([dtype, name]) => [name, dtype as DType]));

export interface HeaderEntry {
  readonly name: string;
  /** Null for an element type that is not read. */
  readonly dtype: DType | null;
  /** The file's own name of the element type. */
  readonly typeName: string;
  readonly shape: readonly number[];
  /** Where its bytes begin and end, counted from the end of the header. */
  readonly begin: number;
  readonly end: number;
}

export interface Header {
  readonly entries: readonly HeaderEntry[];
  readonly metadata: ReadonlyMap<string, string>;
}

/**
 * The JSON header of a safetensors file. A parser of its own, for exactly the shapes the format allows:
 * JSON.parse keeps the last of two equal keys in silence, nests without limit and builds objects with
 * prototypes.
 */
export function parseHeader(text: string, where: string): Header {
  return new HeaderParser(text, where).parse();
}

class HeaderParser {
  private at = 0;

  constructor(
    private readonly text: string,
    private readonly where: string,
  ) {}

  parse(): Header {
    const entries: HeaderEntry[] = [];
    const names = new Set<string>();
    let metadata: Map<string, string> | undefined;
    this.object((name) => {
      if (names.has(name)) throw this.bad(`the name ${quote(name)} appears twice`);
      names.add(name);
      if (names.size > MAX_ENTRIES)
        throw new InnateError('refused', 'a safetensors file with an absurd number of tensors', {
          where: this.where,
        });
      if (name === METADATA_KEY) metadata = this.none() ? new Map() : this.metadata();
      else entries.push(this.entry(name));
    });
    this.space();
    if (this.at !== this.text.length) throw this.bad('text follows the header');
    return { entries, metadata: metadata ?? new Map() };
  }

  /** No metadata, as the format's own reader takes it too. */
  private none(): boolean {
    this.space();
    if (!this.text.startsWith('null', this.at)) return false;
    this.at += 4;
    return true;
  }

  private metadata(): Map<string, string> {
    const map = new Map<string, string>();
    this.object((key) => {
      if (map.has(key)) throw this.bad(`the metadata key ${quote(key)} appears twice`);
      map.set(key, this.string());
      if (map.size > MAX_METADATA)
        throw new InnateError('refused', 'a safetensors file with an absurd amount of metadata', {
          where: this.where,
        });
    });
    return map;
  }

  private entry(name: string): HeaderEntry {
    if (name.length > MAX_NAME) throw this.bad('a tensor name is absurdly long');
    let dtype: string | undefined;
    let shape: number[] | undefined;
    let offsets: number[] | undefined;
    this.object((key) => {
      if (key === 'dtype' && dtype === undefined) dtype = this.string();
      else if (key === 'shape' && !shape) shape = this.integers(MAX_RANK);
      else if (key === 'data_offsets' && !offsets) offsets = this.integers(2);
      else throw this.bad(`${quote(name)} has an unknown or repeated field ${quote(key)}`);
    });
    if (dtype === undefined || !shape || offsets?.length !== 2)
      throw this.bad(`${quote(name)} lacks its dtype, shape or data_offsets`);
    const known = BY_NAME.get(dtype);
    const where = `${this.where}, ${quote(name)}`;
    const count = elementCount(shape, where);
    const [begin, end] = offsets as [number, number];
    if (!known) {
      // Its size is what its offsets say; only its place among the others can be checked.
      if (end < begin) throw this.bad(`${quote(name)} ends before it begins`);
      return { name, dtype: null, typeName: dtype.slice(0, 32), shape, begin, end };
    }
    const bytes = count * DTYPE_BYTES[known];
    if (end - begin !== bytes)
      throw badFile('the data of a tensor do not match its shape', {
        where,
        expected: `${bytes} bytes`,
        found: String(end - begin),
      });
    return { name, dtype: known, typeName: dtype, shape, begin, end };
  }

  private object(member: (key: string) => void): void {
    this.expect('{');
    if (this.skipIf('}')) return;
    do {
      const key = this.string();
      this.expect(':');
      member(key);
    } while (this.skipIf(','));
    this.expect('}');
  }

  private integers(limit: number): number[] {
    const values: number[] = [];
    this.expect('[');
    if (this.skipIf(']')) return values;
    do {
      this.space();
      const start = this.at;
      while (this.at - start < 17 && this.isDigit()) this.at++;
      const digits = this.text.slice(start, this.at);
      const value = Number(digits);
      if (!/^(0|[1-9]\d*)$/.test(digits) || !Number.isSafeInteger(value))
        throw this.bad('not a non-negative integer');
      if (values.push(value) > limit) throw this.bad(`a list of more than ${limit} numbers`);
    } while (this.skipIf(','));
    this.expect(']');
    return values;
  }

  private isDigit(): boolean {
    const c = this.text.charCodeAt(this.at);
    return c >= 48 && c <= 57;
  }

  private string(): string {
    this.expect('"');
    const start = this.at;
    let plain = true;
    for (; ; this.at++) {
      const c = this.text.charCodeAt(this.at);
      if (c === 0x22) break;
      if (c === 0x5c) {
        plain = false;
        this.at++;
      } else if (Number.isNaN(c) || c < 0x20) throw this.bad('a string does not end');
    }
    const body = this.text.slice(start, this.at++);
    if (plain) return body;
    try {
      return JSON.parse(`"${body}"`) as string;
    } catch {
      throw this.bad('a string has a wrong escape');
    }
  }

  private space(): void {
    for (; ; this.at++) {
      const c = this.text.charCodeAt(this.at);
      if (c !== 0x20 && c !== 0x0a && c !== 0x0d && c !== 0x09) return;
    }
  }

  private skipIf(c: string): boolean {
    this.space();
    if (this.text[this.at] !== c) return false;
    this.at++;
    return true;
  }

  private expect(c: string): void {
    if (!this.skipIf(c)) throw this.bad(`the header is not the JSON it should be: no ${quote(c)}`);
  }

  private bad(message: string): InnateError {
    return badFile(message, { where: `${this.where}, header character ${this.at}` });
  }
}
