/**
 * Decoded images up to a number of bytes. Nothing is ever evicted: an epoch uses every image once, so an image
 * just used is the one needed last, and the usual policies would throw out exactly what comes next.
 */
export class ImageCache {
  private readonly images = new Map<number, Uint8Array>();
  private used = 0;

  constructor(private readonly budget: number) {}

  get(i: number): Uint8Array | undefined {
    return this.images.get(i);
  }

  put(i: number, pixels: Uint8Array): void {
    if (this.used + pixels.byteLength > this.budget || this.images.has(i)) return;
    this.images.set(i, pixels);
    this.used += pixels.byteLength;
  }

  get bytes(): number {
    return this.used;
  }
}
