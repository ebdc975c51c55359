/** [.., C] bytes to opaque RGBA; grey is repeated. */
export function toRgba(bytes: Uint8Array, channels: number): Uint8ClampedArray<ArrayBuffer> {
  const pixels = bytes.length / channels;
  const out = new Uint8ClampedArray(4 * pixels);
  for (let p = 0; p < pixels; p++) {
    for (let c = 0; c < 3; c++) out[4 * p + c] = bytes[p * channels + (channels < 3 ? 0 : c)]!;
    out[4 * p + 3] = 255;
  }
  return out;
}
