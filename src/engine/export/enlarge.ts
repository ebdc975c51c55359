/** Pixels of `stride` values each, repeated `scale` times in both directions. */
export function enlarge<T extends Uint8Array | Uint8ClampedArray>(
  pixels: T,
  { width, height, scale, stride }: { width: number; height: number; scale: number; stride: number },
): T {
  if (scale === 1) return pixels;
  const out = pixels.slice(0, 0).constructor as unknown as new (length: number) => T;
  const line = width * scale * stride;
  const large = new out(line * height * scale);
  for (let y = 0; y < height; y++) {
    const top = y * scale * line;
    for (let x = 0; x < width * scale; x++) {
      const from = (y * width + Math.floor(x / scale)) * stride;
      for (let c = 0; c < stride; c++) large[top + x * stride + c] = pixels[from + c]!;
    }
    for (let copy = 1; copy < scale; copy++) large.copyWithin(top + copy * line, top, top + line);
  }
  return large;
}

/** The first `channels` of each pixel of opaque RGBA bytes. */
export function withoutAlpha(rgba: Uint8ClampedArray, channels: number): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array((rgba.length / 4) * channels);
  for (let from = 0, to = 0; from < rgba.length; from += 4)
    for (let c = 0; c < channels; c++) out[to++] = rgba[from + c]!;
  return out;
}
