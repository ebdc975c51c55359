import type { DownloadReason } from '../../lib/download-reason';
import { type ErrorCode, type ErrorDetail, InnateError } from '../../lib/errors';

const CODES: Readonly<Partial<Record<DownloadReason, ErrorCode>>> = {
  foreign: 'refused',
  'not-a-file': 'bad-file',
  missing: 'not-found',
  'wrong-length': 'bad-file',
  'wrong-content': 'bad-file',
  cancelled: 'cancelled',
};

export class DownloadError extends InnateError {
  constructor(
    readonly reason: DownloadReason,
    /** What a person can copy and open by hand. */
    readonly address: string,
    message: string,
    detail: ErrorDetail = {},
    cause?: unknown,
  ) {
    super(CODES[reason] ?? 'io', message, detail, cause);
  }
}
