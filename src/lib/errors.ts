/**
 * Errors that a person can act on. Every failure that input can cause ends in one of these: what was
 * expected, what was found, where, and what to do next. Anything else that escapes is a bug.
 */
export type ErrorCode =
  | 'bad-file' // a file is damaged, truncated, or not what its name says
  | 'refused' // a file asks for something that is never done (run code, unbounded memory)
  | 'unsupported' // a valid file or option that this version cannot handle
  | 'mismatch' // two valid things that do not fit each other (latents and network, delta and base)
  | 'bad-argument' // a command-line option, URL parameter or call argument
  | 'not-found'
  | 'io' // reading or writing failed
  | 'backend' // no backend, lost device, out of memory
  | 'cancelled';

export interface ErrorDetail {
  /** File, tensor name, key, or "byte 1234". */
  where?: string;
  expected?: string;
  found?: string;
  /** One imperative sentence. */
  hint?: string;
  /** What a person can choose, where choosing lets the same call succeed. */
  choose?: { readonly what: 'entry' | 'precond'; readonly from: readonly string[] };
}

/** A failure that a person can act on; its message is a clause without a full stop. */
export class InnateError extends Error {
  readonly code: ErrorCode;
  readonly detail: ErrorDetail;

  constructor(code: ErrorCode, message: string, detail: ErrorDetail = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'InnateError';
    this.code = code;
    this.detail = detail;
  }

  /** The whole story in one line, for a terminal or a toast. */
  describe(): string {
    const { where, expected, found, hint } = this.detail;
    let line = where ? `${where}: ${this.message}` : this.message;
    const facts = [expected && `expected ${expected}`, found && `found ${found}`].filter(Boolean);
    if (facts.length > 0) line += ` (${facts.join(', ')})`;
    if (hint) line += `. ${hint}`;
    // One line, whatever a hostile file puts into a name.
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is removed
    return line.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ');
  }
}

/** Memory ended: the same may go well with less of it. */
export class OutOfMemory extends InnateError {}

/**
 * What browsers, drivers and TensorFlow.js's module say when memory ends, which have no type for it. "Aborted()" is
 * what C++ comes to whose allocation fails.
 */
const MEMORY_ENDED = /out of memory|allocation failed|cannot enlarge memory|^Aborted\((OOM)?\)/i;

/** Whether a message that is not this project's own tells of memory that ended. */
export const tellsOfMemory = (message: string): boolean => MEMORY_ENDED.test(message);

/** An `InnateError` of code `bad-file`. */
export const badFile = (message: string, detail?: ErrorDetail, cause?: unknown) =>
  new InnateError('bad-file', message, detail, cause);

/**
 * Any thrown value as an InnateError: unknown ones keep their message and become the cause, and those that tell of
 * memory become `OutOfMemory`.
 */
export function asInnateError(error: unknown, code: ErrorCode = 'io'): InnateError {
  if (error instanceof InnateError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new (tellsOfMemory(message) ? OutOfMemory : InnateError)(code, message, {}, error);
}
