export interface PixelImage {
  width: number;
  height: number;
  /** [height, width, channels] bytes. */
  data: Uint8Array;
}

/** N images [N, height, width, channels] side by side in a nearly square grid, row by row; the rest is black. */
export function imageGrid(
  images: Uint8Array,
  count: number,
  height: number,
  width: number,
  channels: number,
  columns = Math.ceil(Math.sqrt(count)),
): PixelImage {
  const rows = Math.ceil(count / columns);
  const data = new Uint8Array(rows * height * columns * width * channels);
  const line = width * channels;
  for (let n = 0; n < count; n++) {
    const left = (n % columns) * line;
    const top = Math.floor(n / columns) * height;
    for (let y = 0; y < height; y++) {
      const from = (n * height + y) * line;
      data.set(images.subarray(from, from + line), (top + y) * columns * line + left);
    }
  }
  return { width: columns * width, height: rows * height, data };
}
