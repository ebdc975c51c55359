import { type DownloadRequest, type DownloadState, download } from '../../src/storage/download/download';
import type { Platform } from '../../src/storage/download/platform';

/** What a fake host does with one request. */
export interface Turn {
  status?: number;
  headers?: Record<string, string>;
  /** The connection breaks after so many bytes of this answer. */
  cut?: number;
  /** After so many bytes nothing comes any more. */
  stall?: number;
  /** Another file from here on. */
  bytes?: Uint8Array;
  /** Text in the file's place. */
  body?: string;
  /** `fetch` rejects, as a browser's does without a connection or without permission. */
  unreachable?: boolean;
  /** As `unreachable`, but only where a part is asked for. */
  noPart?: boolean;
  /** Answers with the whole file whatever is asked for. */
  ignoresRange?: boolean;
  /** Where redirects led. */
  url?: string;
}

/** A file's host. Each request takes the next turn; the last one serves all that follow. */
export class FakeHost {
  readonly asked: { url: string; from: number | null; init: RequestInit }[] = [];
  /** Bytes of one chunk of an answer. */
  chunk = 10_000;

  constructor(
    public bytes: Uint8Array,
    private readonly turns: Turn[] = [],
    private readonly headers: Record<string, string> = { etag: '"one"', 'last-modified': 'Mon' },
  ) {}

  fetch = async (input: unknown, init: RequestInit = {}): Promise<Response> => {
    const range = /^bytes=(\d+)-$/.exec((init.headers as Record<string, string>)?.range ?? '');
    this.asked.push({ url: String(input), from: range ? Number(range[1]) : null, init });
    const turn = (this.turns.length > 1 ? this.turns.shift() : this.turns[0]) ?? {};
    if (turn.unreachable || (turn.noPart && range)) throw new TypeError('Failed to fetch');
    if (turn.bytes) this.bytes = turn.bytes;
    const response = this.answer(
      turn,
      range && !turn.ignoresRange ? Number(range[1]) : 0,
      init.signal ?? null,
    );
    Object.defineProperty(response, 'url', { value: turn.url ?? String(input) });
    return response;
  };

  private answer(turn: Turn, from: number, signal: AbortSignal | null): Response {
    if (from >= this.bytes.byteLength && from > 0) return new Response(null, { status: 416 });
    const all = this.bytes.byteLength;
    const rest = turn.body === undefined ? this.bytes.subarray(from) : new TextEncoder().encode(turn.body);
    const headers: Record<string, string> = {
      'content-type': 'application/octet-stream',
      'content-length': String(rest.byteLength),
      ...(from > 0 && { 'content-range': `bytes ${from}-${all - 1}/${all}` }),
      ...this.headers,
      ...turn.headers,
    };
    for (const [name, value] of Object.entries(headers)) if (value === '') delete headers[name];
    return new Response(this.stream(rest, turn, signal), {
      status: turn.status ?? (from > 0 ? 206 : 200),
      headers,
    });
  }

  private stream(bytes: Uint8Array, { cut, stall }: Turn, signal: AbortSignal | null): ReadableStream {
    let at = 0;
    const end = Math.min(cut ?? stall ?? bytes.byteLength, bytes.byteLength);
    return new ReadableStream({
      start(controller) {
        signal?.addEventListener('abort', () => controller.error(signal.reason));
      },
      pull: (controller) => {
        if (at < end) {
          const next = Math.min(end, at + this.chunk);
          controller.enqueue(bytes.slice(at, next));
          at = next;
          return;
        }
        if (cut !== undefined) controller.error(new TypeError('network error'));
        else if (stall === undefined) controller.close();
        else return new Promise(() => {});
      },
    });
  }
}

/** A file in memory that is read and written. `room`: bytes that the disk has. */
export class MemorySink {
  readonly name = 'network.pkl';
  bytes = new Uint8Array();
  flushed = 0;
  room = Number.POSITIVE_INFINITY;

  get size(): number {
    return this.bytes.byteLength;
  }

  read(offset: number, length: number): Uint8Array {
    return this.bytes.slice(offset, offset + length);
  }

  write(offset: number, bytes: Uint8Array): void {
    const end = offset + bytes.byteLength;
    if (end > this.room) throw new DOMException('full', 'QuotaExceededError');
    if (end > this.size) this.truncate(end);
    this.bytes.set(bytes, offset);
  }

  truncate(size: number): void {
    const grown = new Uint8Array(size);
    grown.set(this.bytes.subarray(0, size));
    this.bytes = grown;
  }

  flush(): void {
    this.flushed++;
  }
}

/** A person's device: a file, its record, and a clock that moves when something waits. */
export class Device {
  readonly file = new MemorySink();
  text: string | null = null;
  readonly record = {
    load: async () => this.text,
    save: async (text: string) => {
      this.text = text;
    },
  };
  readonly states: DownloadState[] = [];
  readonly waits: number[] = [];
  clock = 1_000_000;
  connected = true;

  platform(host: Pick<FakeHost, 'fetch'>, redirects: Platform['redirects'] = 'followed'): Platform {
    return {
      fetch: host.fetch as typeof fetch,
      redirects,
      online: () => this.connected,
      now: () => this.clock,
      wait: async (ms, signal) => {
        signal.throwIfAborted();
        this.waits.push(ms);
        this.clock += ms;
      },
    };
  }

  download(
    host: Pick<FakeHost, 'fetch'>,
    options: Partial<DownloadRequest> = {},
    redirects?: Platform['redirects'],
  ) {
    return download(
      {
        address: 'https://huggingface.co/a/b/resolve/main/network.pkl',
        name: 'network.pkl',
        hosts: ['https://huggingface.co', 'https://*.hf.co'],
        bytes: null,
        sha256: null,
        file: this.file,
        record: this.record,
        signal: new AbortController().signal,
        onState: (state) => this.states.push(state),
        ...options,
      },
      this.platform(host, redirects),
    );
  }
}
