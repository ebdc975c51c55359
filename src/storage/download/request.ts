import { hostOf, isAllowed } from '../../lib/hosts';
import { HostFailed, NoAnswer } from './attempts';
import { DownloadError } from './errors';
import { notAFile } from './failures';
import type { Platform } from './platform';
import type { Version } from './record';

export interface Answer {
  /** Offset of the first byte that comes. */
  from: number;
  version: Version;
  body: ReadableStream<Uint8Array>;
  /** The host that sends the bytes. */
  host: string;
}

export interface Question {
  address: string;
  /** For messages: the file's name. */
  name: string;
  hosts: readonly string[];
  /** 0 = the whole file. */
  from: number;
  signal: AbortSignal;
}

const MOST_REDIRECTS = 8;

/**
 * Asks a host for a file from an offset on. An answer from offset 0 to a question for a later one means that the host
 * does not continue downloads; null, that its file is shorter than that.
 *
 * If-Range would need a preflight that file hosts refuse: whether the file is still the same is for the caller to
 * compare. A `Range` of this form needs none.
 */
export async function ask(question: Question, platform: Platform): Promise<Answer | null> {
  const { from, address, name } = question;
  const response = await follow(question, platform);
  try {
    if (response.status === 416 && from > 0) {
      await response.body?.cancel();
      return null;
    }
    checkStatus(response, address, name);
    if (!response.body || /^\s*text\/html\b/i.test(response.headers.get('content-type') ?? ''))
      throw notAFile({ address, name }, 'a page');
    return answerOf(response, from, response.body, hostOf(response.url || address) ?? '');
  } catch (error) {
    await response.body?.cancel().catch(() => {});
    throw error;
  }
}

async function follow({ address, name, hosts, from, signal }: Question, platform: Platform) {
  const foreign = (where: string | null): DownloadError =>
    new DownloadError('foreign', address, 'only these hosts may be asked', {
      where: name,
      expected: hosts.join(' ') || 'no host in this build',
      found: where ?? 'no address',
    });
  let next = address;
  for (let hops = 0; hops <= MOST_REDIRECTS; hops++) {
    if (!isAllowed(next, hosts)) throw foreign(hostOf(next));
    const response = await send(next, from, signal, platform);
    const location = response.headers.get('location');
    if (platform.redirects === 'ours' && response.status >= 300 && response.status < 400 && location) {
      await response.body?.cancel();
      next = new URL(location, next).href;
      continue;
    }
    if (response.url === '' || isAllowed(response.url, hosts)) return response;
    await response.body?.cancel();
    throw foreign(hostOf(response.url));
  }
  throw new DownloadError('busy', address, 'the host redirects without end', { where: name });
}

async function send(address: string, from: number, signal: AbortSignal, platform: Platform) {
  const ours = platform.redirects === 'ours';
  const headers: Record<string, string> = {};
  if (from > 0) headers.range = `bytes=${from}-`;
  // Lengths and offsets are of the file itself. A browser that asks for a part does this of its own accord.
  if (ours) headers['accept-encoding'] = 'identity';
  try {
    return await platform.fetch(address, {
      headers,
      signal,
      redirect: ours ? 'manual' : 'follow',
      mode: 'cors',
      credentials: 'omit',
      referrerPolicy: 'no-referrer',
      cache: 'no-store',
    });
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    throw new NoAnswer('no answer', { cause: error });
  }
}

function checkStatus({ status, headers }: Response, address: string, name: string): void {
  if (status === 200 || status === 206) return;
  const found = `HTTP ${status}`;
  if (status === 404 || status === 410)
    throw new DownloadError('missing', address, 'the host does not have this file any more', {
      where: name,
      found,
      hint: 'Look for it on the page of its authors',
    });
  if (status === 401 || status === 403)
    throw new DownloadError('forbidden', address, 'the host does not hand this file to everybody', {
      where: name,
      found,
      hint: 'Open the address in the browser, sign in or accept its terms there, and drop the file here',
    });
  if (status === 408 || status === 429 || status >= 500) throw new HostFailed(status, retryAfter(headers));
  throw new DownloadError('missing', address, 'the host did not send the file', { where: name, found });
}

function retryAfter(headers: Headers): number | null {
  const seconds = Number(headers.get('retry-after') ?? Number.NaN);
  return Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : null;
}

/**
 * What the headers say. A page sees Content-Range and ETag only where the host exposes them: without the former, a
 * partial answer starts where it was asked for and its length is that of the rest.
 */
function answerOf(response: Response, asked: number, body: ReadableStream<Uint8Array>, host: string): Answer {
  const { headers, status } = response;
  const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(headers.get('content-range') ?? '');
  const from = status === 206 ? Number(range?.[1] ?? asked) : 0;
  // A compressed answer has another length than the file.
  const rest = headers.get('content-encoding') ? null : headers.get('content-length');
  const stated = status === 206 && range && range[2] !== '*' ? Number(range[2]) : null;
  return {
    from,
    version: {
      bytes: stated ?? (rest === null ? null : from + Number(rest)),
      etag: headers.get('etag'),
      modified: headers.get('last-modified'),
    },
    body,
    host,
  };
}
