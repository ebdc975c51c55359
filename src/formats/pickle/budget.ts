import { InnateError } from '../../lib/errors';

/**
 * What one file may cost, nested pickles included. The largest official checkpoint (296 M parameters, about
 * 1,300 storages) needs a few per cent of each.
 */
const LIMITS = {
  opcodes: 3_000_000,
  /** Containers and objects made. */
  objects: 400_000,
  /** Entries copied by list(x), dict(x), OrderedDict(x): a memoised list can be copied by four bytes each time. */
  copied: 2_000_000,
  /** Bytes of text and short byte strings kept. */
  text: 48 * 2 ** 20,
};

export type Cost = keyof typeof LIMITS;

/** The stack, the memo and open marks of one machine. */
export const MAX_STACK = 1_000_000;
export const MAX_MEMO = 1_000_000;
export const MAX_MARKS = 10_000;
/** Pickles inside pickles: official files need one level. */
export const MAX_NESTING = 4;
/** Longer bytes stay in the file as a ByteRange. */
export const INLINE_BYTES = 4096;
/** Longer text stays in the file as LongText. */
export const INLINE_TEXT = 64 * 1024;
/** A Python int of more bytes is not data that a checkpoint holds. */
export const MAX_INT_BYTES = 256;

/** What one file may cost to read, over all pickles in it. */
export class Budget {
  private readonly used: Record<Cost, number> = { opcodes: 0, objects: 0, copied: 0, text: 0 };
  nesting = 0;

  /** `at` is asked for its place only when the limit is reached: this runs for every value of a file. */
  spend(cost: Cost, amount: number, at: { readonly where: string }): void {
    this.used[cost] += amount;
    if (this.used[cost] > LIMITS[cost])
      throw new InnateError('refused', `the pickle asks for more than any checkpoint needs (${cost})`, {
        where: at.where,
        expected: `at most ${LIMITS[cost]}`,
      });
  }
}
