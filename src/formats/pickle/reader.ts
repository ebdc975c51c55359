import { badFile, InnateError } from '../../lib/errors';
import { checkRange, type Source } from '../source';
import { latin1, utf8 } from '../text';

/** Bytes are pulled through a small window: payloads that are skipped are never read. */
export class ByteReader {
  private window: Uint8Array = new Uint8Array(0);
  private data = new DataView(this.window.buffer);
  /** File offset of the window's first byte. */
  private base: number;
  /** Next byte within the window; may lie beyond it after a skip. */
  private at = 0;

  constructor(
    readonly source: Source,
    start = 0,
    private readonly windowSize = 16 * 1024,
  ) {
    this.base = start;
  }

  get position(): number {
    return this.base + this.at;
  }

  where(position = this.position): string {
    return `${this.source.name}, byte ${position}`;
  }

  /**
   * Makes `count` bytes available and returns their place in the window. Call it before touching `window`
   * or `data`: it may replace them.
   */
  private need(count: number): number {
    if (this.at + count > this.window.length) {
      const position = this.position;
      checkRange(this.source, position, count);
      const length = Math.min(Math.max(count, this.windowSize), this.source.size - position);
      this.window = this.source.read(position, length);
      this.data = new DataView(this.window.buffer, this.window.byteOffset, this.window.byteLength);
      this.base = position;
      this.at = 0;
    }
    const place = this.at;
    this.at += count;
    return place;
  }

  u8(): number {
    const place = this.need(1);
    return this.window[place]!;
  }

  u16(): number {
    const place = this.need(2);
    return this.data.getUint16(place, true);
  }

  u32(): number {
    const place = this.need(4);
    return this.data.getUint32(place, true);
  }

  i32(): number {
    const place = this.need(4);
    return this.data.getInt32(place, true);
  }

  /** A length; one beyond 2^53 cannot be in any file and becomes infinite. */
  u64(): number {
    const place = this.need(8);
    const high = this.data.getUint32(place + 4, true);
    if (high >= 2 ** 21) return Number.POSITIVE_INFINITY;
    return high * 2 ** 32 + this.data.getUint32(place, true);
  }

  f64BigEndian(): number {
    const place = this.need(8);
    return this.data.getFloat64(place, false);
  }

  /** A copy, so that a short value does not keep the whole window alive. */
  bytes(count: number): Uint8Array {
    const place = this.need(count);
    return this.window.slice(place, place + count);
  }

  utf8(count: number): string {
    const place = this.need(count);
    return utf8(this.window.subarray(place, place + count));
  }

  latin1(count: number): string {
    const place = this.need(count);
    return latin1(this.window.subarray(place, place + count));
  }

  skip(count: number): void {
    checkRange(this.source, this.position, count);
    this.at += count;
    if (this.at > this.window.length) {
      this.base += this.at;
      this.at = 0;
      this.window = this.window.subarray(0, 0);
    }
  }

  /** The bytes up to a newline, which is consumed. */
  line(limit: number): Uint8Array {
    let length = 64;
    const position = this.position;
    for (;;) {
      length = Math.min(length, limit + 1, this.source.size - position);
      const place = this.need(length);
      const end = this.window.subarray(place, place + length).indexOf(10);
      if (end >= 0) {
        this.at = place + end + 1;
        return this.window.slice(place, place + end);
      }
      this.at = place;
      if (length > limit)
        throw new InnateError('unsupported', 'a pickle in the text protocol with very long lines', {
          where: this.where(position),
          hint: 'Save the file again with pickle protocol 2 or newer',
        });
      if (position + length >= this.source.size)
        throw badFile('a line of the pickle does not end', { where: this.where(position) });
      length *= 4;
    }
  }
}
