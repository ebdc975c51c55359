import { HostFailed } from './attempts';
import { DownloadError } from './errors';
import type { Platform } from './platform';

interface File {
  address: string;
  /** For messages: the file's name. */
  name: string;
}

/** What ended a download whose connection broke once too often. `done`: bytes that are there; `known`: it once answered. */
export function gaveUp(
  { address, name }: File,
  { redirects, online }: Platform,
  { done, known }: { done: number; known: boolean },
  error: unknown,
): DownloadError {
  const say = (reason: DownloadError['reason'], message: string, hint: string, found?: string) =>
    new DownloadError(reason, address, message, { where: name, hint, ...(found && { found }) }, error);
  const later = done > 0 ? 'What came so far is kept: resume it later' : 'Try again later';
  if (error instanceof HostFailed)
    return say('busy', 'the host cannot send the file now', later, `HTTP ${error.status}`);
  if (!online()) return say('offline', 'this machine has no connection', later);
  if (known) return say('broken', 'the connection broke again and again', later);
  if (redirects === 'ours')
    return say(
      'blocked',
      'the host did not answer',
      'Check the connection and the proxy, or name another source',
    );
  return say(
    'blocked',
    'the host did not answer, or does not let this page read the file',
    'Open its address in a tab of its own, and drop the file here',
  );
}

const DOUBT = 'Compare with what its authors say before you use it';

/** `found`: bytes; null for too many. */
export const wrongLength = ({ address, name }: File, expected: number | null, found: number | null) =>
  new DownloadError('wrong-length', address, 'the file at the host is not the expected one', {
    where: name,
    expected: `${expected} bytes`,
    found: found === null ? 'more' : `${found}`,
    hint: DOUBT,
  });

export const wrongContent = ({ address, name }: File, expected: string, found: string) =>
  new DownloadError('wrong-content', address, 'the file is not the expected one and was deleted', {
    where: name,
    expected: `sha256 ${expected.slice(0, 12)}...`,
    found: `${found.slice(0, 12)}...`,
    hint: DOUBT,
  });

export const notAFile = ({ address, name }: File, found: string) =>
  new DownloadError('not-a-file', address, 'the host sent something else in place of the file', {
    where: name,
    expected: 'a checkpoint',
    found,
    hint: 'Open its address in a tab of its own to see what the host wants',
  });

/** `needed` and `free` in bytes; `free` is null where nobody knows it. */
export const noRoom = (
  { address, name }: File,
  needed: number | null,
  free: number | null,
  hint: string,
  cause?: unknown,
) =>
  new DownloadError(
    'full',
    address,
    'there is no room for the file',
    {
      where: name,
      ...(needed !== null && { expected: `${Math.ceil(needed / 1e6)} MB` }),
      ...(free !== null && { found: `${Math.floor(free / 1e6)} MB free` }),
      hint,
    },
    cause,
  );
