import type { Sink } from '../../formats/sink';
import type { Source } from '../../formats/source';
import { isFull } from '../write-all';
import { BackOff, Broken, mayMend, NoAnswer } from './attempts';
import { DownloadError } from './errors';
import { gaveUp, noRoom, notAFile, wrongContent, wrongLength } from './failures';
import { Pace, secondsLeft } from './pace';
import { OtherBytes, Part, TooLong } from './part';
import type { Platform } from './platform';
import { mayBeSame, type RecordPlace } from './record';
import { type Answer, ask } from './request';
import { createHasher, type Hasher } from './sha256';

/** What a download is doing. `total` is null where the length is not known. */
export type DownloadState = { done: number; total: number | null } & (
  | { phase: 'connecting' }
  /** Reading what an earlier visit left, for its checksum. */
  | { phase: 'checking' }
  /** Bytes a second over the last seconds, and seconds left at that rate; null before they can be said. */
  | { phase: 'receiving'; rate: number | null; left: number | null }
  /** The connection broke: it is tried again in so many seconds. */
  | { phase: 'waiting'; seconds: number }
);

export interface DownloadRequest {
  address: string;
  /** For messages: the file's name. */
  name: string;
  /** Of the closed list (lib/hosts.ts): where the address and every redirect have to lead. */
  hosts: readonly string[];
  /** Expected length and SHA-256 in hex; null where nobody knows them. */
  bytes: number | null;
  sha256: string | null;
  /** Where the bytes go; it may hold the part that an earlier call left. */
  file: Source & Sink;
  record: RecordPlace;
  signal: AbortSignal;
  onState(state: DownloadState): void;
  /** Told the length before any byte is written, with what is there already; throws where there is no room. */
  room?(total: number, done: number): Promise<void>;
}

export interface Downloaded {
  bytes: number;
  /** Hex; compared with the expected one where there is one. */
  sha256: string;
  /** Sentences: that it had to start anew, and why. */
  notes: string[];
}

/** Bytes of what is there that a host sends again, to be compared: the file may have changed without a word. */
export const OVERLAP = 64 * 1024;
/** A connection that brings nothing for so long is broken. */
const STALL_MS = 30_000;
/** Milliseconds without a byte after which what came is made safe: there is time for it. */
const QUIET_MS = 1000;

const CHANGED = 'The file at the host has changed since it was begun: it started anew.';
const REFUSED = 'The host does not continue a broken download: it started anew.';

/**
 * Downloads a file, going on where an earlier call left off, and checks it. Whatever ends it, a `DownloadError` or an
 * abort, what came so far stays in `file` and `record` and is taken up by the next call; of a file that is refused
 * nothing stays.
 */
export async function download(request: DownloadRequest, platform: Platform): Promise<Downloaded> {
  return new Download(request, platform, await createHasher()).run();
}

class Download {
  private readonly part: Part;
  /** Whether the host ever answered, in this call or an earlier one. */
  private known = false;
  private readonly notes = new Set<string>();
  private readonly pace = new Pace();
  private readonly backOff = new BackOff();

  constructor(
    private readonly request: DownloadRequest,
    private readonly platform: Platform,
    private readonly hasher: Hasher,
  ) {
    this.part = new Part({ ...request, hasher, now: platform.now });
  }

  async run(): Promise<Downloaded> {
    const { part, request } = this;
    try {
      const sha256 = await part.recall((done, total) => this.recalled(done, total));
      this.known = part.recorded;
      if (sha256 === null) {
        while (!part.whole && !(await this.attempt()));
      }
      return await this.finish(sha256 ?? this.hasher.digest());
    } catch (error) {
      if (this.known) await part.keep().catch(() => {}); // the first error is the one to tell
      if (request.signal.aborted) throw this.cancelled(error);
      throw isFull(error)
        ? noRoom(request, null, null, 'Delete what is not needed, and resume', error)
        : error;
    }
  }

  private async recalled(done: number, total: number): Promise<void> {
    this.checkAborted();
    this.request.onState({ phase: 'checking', done, total });
    await new Promise((resolve) => setTimeout(resolve)); // an abort can arrive only between two tasks
  }

  /** One connection; whether it brought the rest of the file. Throws what another attempt would not mend. */
  private async attempt(): Promise<boolean> {
    const { request, part } = this;
    this.checkAborted();
    request.onState({ phase: 'connecting', ...this.so });
    const connection = new AbortController();
    const end = () => connection.abort(request.signal.reason);
    request.signal.addEventListener('abort', end);
    try {
      await this.receive(await this.connect(connection), connection);
      return true;
    } catch (error) {
      this.checkAborted();
      if (error instanceof OtherBytes) {
        this.anew(CHANGED);
        return false;
      }
      if (error instanceof TooLong) throw this.refuse(wrongLength(request, request.bytes, null));
      if (!mayMend(error)) throw error;
      const ms = this.backOff.after(error, part.done, this.known);
      if (ms === null) throw gaveUp(request, this.platform, { done: part.done, known: this.known }, error);
      await this.pause(ms);
      return false;
    } finally {
      request.signal.removeEventListener('abort', end);
      connection.abort();
    }
  }

  private async pause(ms: number): Promise<void> {
    if (this.known) await this.part.keep();
    this.request.onState({ phase: 'waiting', seconds: Math.ceil(ms / 1000), ...this.so });
    await this.platform.wait(ms, this.request.signal);
  }

  /** Asks for what is missing, with a little of what is there. */
  private async connect(connection: AbortController): Promise<Answer> {
    const { address, name, hosts } = this.request;
    const { signal } = connection;
    const question = { address, name, hosts, signal };
    const from = Math.max(0, this.part.done - OVERLAP);
    const asked = async (from: number) => {
      const answer = await this.watched(ask({ ...question, from }, this.platform), connection);
      this.known = true;
      this.checkLength(answer);
      return answer;
    };
    const whole = async () => (await asked(0))!; // only a part can lie beyond the end of a file
    if (this.part.done === 0) return whole();
    const answer = await asked(from).catch((error) => {
      if (error instanceof NoAnswer && from > 0) return this.partOrWhole(whole, () => asked(from));
      throw error;
    });
    if (answer?.from === from && mayBeSame(this.part.version, answer.version)) return answer;
    this.anew(answer?.from === 0 && mayBeSame(this.part.version, answer.version) ? REFUSED : CHANGED);
    if (answer?.from === 0) return answer;
    await answer?.body.cancel();
    return whole();
  }

  /**
   * The connection is gone, or the host refuses to be asked for a part: a browser does not say which. If the whole file
   * can be had while the part, asked for once more, cannot, it is the latter.
   */
  private async partOrWhole(whole: () => Promise<Answer>, part: () => Promise<Answer | null>) {
    const all = await whole();
    try {
      const answer = await part();
      await all.body.cancel();
      return answer;
    } catch (error) {
      if (error instanceof NoAnswer) return all;
      await all.body.cancel();
      throw error;
    }
  }

  /** What was there is of no use: everything comes again. */
  private anew(why: string): void {
    this.part.drop();
    this.notes.add(why);
  }

  private async receive(answer: Answer, connection: AbortController): Promise<void> {
    await this.accept(answer);
    const { part } = this;
    const reader = answer.body.getReader();
    this.pace.restart();
    try {
      for (let at = answer.from; ; ) {
        const { value, done } = await this.watched(this.next(reader), connection);
        if (done) break;
        if (at === 0) this.sniff(value);
        part.put(value, at);
        at += value.byteLength;
        this.progress();
        await part.keepNowAndThen();
      }
    } finally {
      reader.cancel().catch(() => {});
    }
    const { bytes } = part.version;
    if (bytes !== null && part.done < bytes) throw new Broken();
  }

  /** The next bytes; while they are long in coming, those before them are made safe. */
  private async next(reader: ReadableStreamDefaultReader<Uint8Array>) {
    let keeping: Promise<void> | null = null;
    const timer = setTimeout(() => {
      keeping = this.part.keepWhatCame();
      keeping.catch(() => {}); // it is told below
    }, QUIET_MS);
    try {
      return await reader.read();
    } finally {
      clearTimeout(timer);
      await keeping;
    }
  }

  /** Compares what the host announces with what is expected, before any byte is written. */
  private checkLength(answer: Answer | null): void {
    const { bytes } = this.request;
    const found = answer?.version.bytes ?? null;
    if (bytes !== null && found !== null && found !== bytes)
      throw this.refuse(wrongLength(this.request, bytes, found));
  }

  private async accept({ version }: Answer): Promise<void> {
    const { request, part } = this;
    part.learn(version);
    if (part.version.bytes !== null) await request.room?.(part.version.bytes, part.done);
  }

  /** What a connection brings; one that is silent for too long is ended. */
  private async watched<T>(answer: Promise<T>, connection: AbortController): Promise<T> {
    const timer = setTimeout(() => connection.abort(new Broken()), STALL_MS);
    try {
      return await answer;
    } catch (error) {
      const known = mayMend(error) || error instanceof DownloadError;
      throw known || this.request.signal.aborted ? error : new Broken({ cause: error });
    } finally {
      clearTimeout(timer);
    }
  }

  /** A page of the host must not pass for the file. */
  private sniff(first: Uint8Array): void {
    const text = String.fromCharCode(...first.subarray(0, 64)).trimStart();
    if (/^<(!doctype|html|head|\?xml)/i.test(text)) throw this.refuse(notAFile(this.request, 'a page'));
    if (text.startsWith('version https://git-lfs'))
      throw this.refuse(notAFile(this.request, 'a pointer to it (Git LFS)'));
  }

  private progress(): void {
    const { part, pace } = this;
    const now = this.platform.now();
    pace.tell(part.done, now);
    const rate = pace.rate(part.done, now);
    const left = secondsLeft(part.done, part.version.bytes, rate);
    this.request.onState({ phase: 'receiving', rate, left, ...this.so });
  }

  private async finish(sha256: string): Promise<Downloaded> {
    const { part, request } = this;
    const { bytes, sha256: expected } = request;
    if (bytes !== null && part.done !== bytes) throw this.refuse(wrongLength(request, bytes, part.done));
    if (expected !== null && sha256 !== expected) throw this.refuse(wrongContent(request, expected, sha256));
    part.learn({ ...part.version, bytes: part.done });
    await part.keep(sha256);
    return { bytes: part.done, sha256, notes: [...this.notes] };
  }

  /** Nothing of a refused file stays. */
  private refuse(error: DownloadError): DownloadError {
    this.part.drop();
    return error;
  }

  private checkAborted(): void {
    if (this.request.signal.aborted) throw this.cancelled(this.request.signal.reason);
  }

  private cancelled(cause: unknown): DownloadError {
    const { address, name } = this.request;
    return new DownloadError('cancelled', address, 'cancelled', { where: name }, cause);
  }

  private get so(): { done: number; total: number | null } {
    return { done: this.part.done, total: this.part.version.bytes };
  }
}
