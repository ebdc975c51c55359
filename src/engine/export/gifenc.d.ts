/** The part of gifenc 1.0.3 that is used; the package brings no types. */
declare module 'gifenc' {
  type Palette = number[][];

  interface FrameOptions {
    palette: Palette;
    /** Writes what stands before the first frame too. */
    first: boolean;
    /** Milliseconds. */
    delay: number;
    /** 0 for ever, -1 once. */
    repeat: number;
  }

  interface Encoder {
    writeHeader(): void;
    writeFrame(indices: Uint8Array, width: number, height: number, options: FrameOptions): void;
    finish(): void;
    /** A copy of what was written since the last `reset`. */
    bytes(): Uint8Array;
    reset(): void;
  }

  export function GIFEncoder(options: { auto: boolean }): Encoder;
  export function quantize(
    rgba: Uint8ClampedArray,
    colours: number,
    options: { format: 'rgb565' | 'rgb444' | 'rgba4444' },
  ): Palette;
  export function applyPalette(
    rgba: Uint8ClampedArray,
    palette: Palette,
    format: 'rgb565' | 'rgb444' | 'rgba4444',
  ): Uint8Array;
}
