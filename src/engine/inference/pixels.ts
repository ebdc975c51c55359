/**
 * Bytes [N, R, R, C] of images [N, C, R, R] flat, as the paper's script writes them: clip(x * 127.5 + 128, 0, 255),
 * truncated.
 */
export function imagesToBytes(images: Float32Array, channels: number, resolution: number): Uint8Array {
  const pixels = resolution ** 2;
  const out = new Uint8Array(images.length);
  const count = images.length / (channels * pixels);
  for (let n = 0; n < count; n++)
    for (let c = 0; c < channels; c++)
      for (let p = 0; p < pixels; p++) {
        const v = Math.fround(images[(n * channels + c) * pixels + p]! * 127.5 + 128);
        out[(n * pixels + p) * channels + c] = Math.min(255, Math.max(0, v));
      }
  return out;
}

/** Opaque RGBA [.., 4] of bytes [.., C], of one channel or three; grey is repeated. */
export function bytesToRgba(bytes: Uint8Array, channels: number): Uint8ClampedArray<ArrayBuffer> {
  const pixels = bytes.length / channels;
  const out = new Uint8ClampedArray(4 * pixels);
  for (let p = 0; p < pixels; p++) {
    for (let c = 0; c < 3; c++) out[4 * p + c] = bytes[p * channels + (channels < 3 ? 0 : c)]!;
    out[4 * p + 3] = 255;
  }
  return out;
}

/** Opaque RGBA [N, R, R, 4] of images [N, C, R, R] flat. */
export const imagesToRgba = (
  images: Float32Array,
  channels: number,
  resolution: number,
): Uint8ClampedArray<ArrayBuffer> => bytesToRgba(imagesToBytes(images, channels, resolution), channels);
