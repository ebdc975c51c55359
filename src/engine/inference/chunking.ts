/** Milliseconds that a pass aims at. */
const TARGET_MS = 150;

/** A pass that takes longer than about two frames of a screen is felt while somebody drags. */
const FELT_MS = 30;

/**
 * How many images go into one forward pass. While somebody drags, the page must get frames and the worker must
 * look at newer requests: a pass aims at a fixed time, and grows or shrinks in powers of two (a new batch size
 * may compile new shaders).
 */
export class ChunkSize {
  private size: number;
  /** Images of the pass under way. */
  private asked = 1;
  /** Milliseconds of an image in the last pass; null before the first. */
  private perImage: number | null = null;
  private readonly limit: number;

  /** `fast`: a hardware GPU, which starts with everything in one pass. */
  constructor(limit: number, fast: boolean) {
    this.limit = Math.max(1, limit);
    this.size = fast ? this.limit : 1;
  }

  /** `urgent`: the first of them is waited for, and shares its pass with others only where nobody feels that. */
  next(remaining: number, urgent = false): number {
    const whole = Math.min(this.size, remaining);
    const felt = this.perImage !== null && this.perImage * whole > FELT_MS;
    this.asked = urgent && felt ? 1 : whole;
    return this.asked;
  }

  /** After a pass of `images` that took `ms`. */
  measured(images: number, ms: number): void {
    this.perImage = ms / images;
    if (images < this.size) return; // the rest of a grid says nothing about a full pass
    if (ms > 2 * TARGET_MS && this.size > 1) this.size = Math.max(1, this.size >> 1);
    else if (ms < TARGET_MS / 2) this.size = Math.min(this.limit, this.size << 1);
  }

  /** Half of the last pass, which was too much; null when it was one image already. */
  half(): number | null {
    return this.asked > 1 ? this.asked >> 1 : null;
  }
}
