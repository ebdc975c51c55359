import { InnateError } from '../lib/errors';

export interface FetchOptions {
  signal?: AbortSignal;
  /** Bytes so far and in all; total is 0 when the server does not say. */
  onProgress?: (done: number, total: number) => void;
  /** Hex; compared when the platform can hash (secure contexts). */
  sha256?: string | null;
}

/** The whole of a same-origin file, with progress, abort and checksum. */
export async function fetchBytes(
  url: string,
  { signal, onProgress, sha256 }: FetchOptions = {},
): Promise<Uint8Array> {
  const name = url.split('/').at(-1)!;
  const response = await request(url, name, signal);
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const chunk of chunksOf(response, onProgress)) {
      chunks.push(chunk);
      length += chunk.byteLength;
    }
  } catch (error) {
    throw failure(error, name, signal);
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.byteLength;
  }
  if (sha256) await checkHash(bytes, sha256, name);
  return bytes;
}

/** A large same-origin file as a Blob, which the browser may keep on its disk; parts of it are read when they are used. */
export async function fetchBlob(
  url: string,
  { signal, onProgress }: Omit<FetchOptions, 'sha256'> = {},
): Promise<Blob> {
  const name = url.split('/').at(-1)!;
  const response = await request(url, name, signal);
  const chunks = chunksOf(response, onProgress);
  const counted = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { value, done } = await chunks.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
  });
  try {
    return await new Response(counted).blob();
  } catch (error) {
    throw failure(error, name, signal);
  }
}

async function* chunksOf(
  response: Response,
  onProgress: FetchOptions['onProgress'],
): AsyncGenerator<Uint8Array, void, undefined> {
  const total = Number(response.headers.get('content-length') ?? 0);
  const reader = response.body!.getReader();
  for (let done = 0; ; ) {
    const { value, done: end } = await reader.read();
    if (end) return;
    done += value.byteLength;
    // A compressed response is longer than it says: never show more than all.
    onProgress?.(done, total && Math.max(done, total));
    yield value;
  }
}

async function request(url: string, name: string, signal?: AbortSignal): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url, signal ? { signal } : {});
  } catch (error) {
    throw failure(error, name, signal);
  }
  if (response.ok) return response;
  throw new InnateError('not-found', 'the server does not have this file', {
    where: name,
    found: `HTTP ${response.status}`,
    hint: 'Reload the page; if it stays, the deployment is incomplete',
  });
}

function failure(error: unknown, name: string, signal?: AbortSignal): InnateError {
  if (signal?.aborted) return new InnateError('cancelled', 'cancelled', { where: name });
  return new InnateError(
    'io',
    'the download failed',
    { where: name, hint: 'Check the connection and try again' },
    error,
  );
}

async function checkHash(bytes: Uint8Array, expected: string, name: string): Promise<void> {
  if (!globalThis.crypto?.subtle) return;
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>));
  const found = [...digest].map((b) => b.toString(16).padStart(2, '0')).join('');
  if (found === expected) return;
  throw new InnateError('bad-file', 'the downloaded file is not the expected one', {
    where: name,
    expected: `sha256 ${expected.slice(0, 12)}...`,
    found: `${found.slice(0, 12)}...`,
    hint: 'Reload the page without cache',
  });
}
