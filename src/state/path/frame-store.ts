import type { MadeImage } from '../generate/images';

/** Bytes of pictures that are kept. */
const MOST_BYTES = 256 * 2 ** 20;

/** The frames of a path that are made, as many as memory may hold: those furthest from the playhead go first. */
export class FrameStore {
  private readonly images = new Map<number, MadeImage>();
  private readonly listeners = new Set<() => void>();
  private bytes = 0;

  constructor(private readonly most = MOST_BYTES) {}

  get count(): number {
    return this.images.size;
  }

  has(frame: number): boolean {
    return this.images.has(frame);
  }

  get(frame: number): MadeImage | null {
    return this.images.get(frame) ?? null;
  }

  /** The picture of a frame, or of the one beside it that is made. */
  nearest(frame: number, total: number): MadeImage | null {
    for (let away = 0; away < total; away++) {
      const found = this.images.get(frame - away) ?? this.images.get(frame + away);
      if (found) return found;
    }
    return null;
  }

  /** `at`: where the playhead stands. */
  put(frame: number, image: MadeImage, at = frame): void {
    this.bytes += image.pixels.length - (this.images.get(frame)?.pixels.length ?? 0);
    this.images.set(frame, image);
    while (this.bytes > this.most && this.images.size > 1) this.removeFurthest(at);
    this.tell();
  }

  clear(): void {
    this.images.clear();
    this.bytes = 0;
    this.tell();
  }

  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  private removeFurthest(at: number): void {
    let furthest = -1;
    for (const frame of this.images.keys())
      if (furthest < 0 || Math.abs(frame - at) > Math.abs(furthest - at)) furthest = frame;
    this.bytes -= this.images.get(furthest)?.pixels.length ?? 0;
    this.images.delete(furthest);
  }

  private tell(): void {
    for (const listener of this.listeners) listener();
  }
}
