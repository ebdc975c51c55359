import type { DistilRunState } from '../../../state/distil/store';
import { frames } from './frames';

/** Moments across the sheet, at most. */
const MOST = 12;
const GAP = 2;
const SCALE = 2;

/** Seeds down, moments across, each pixel a square of four. */
export async function sampleSheet({ history, request }: DistilRunState): Promise<Blob> {
  const { snapshots } = history;
  const shown = frames(snapshots.length, MOST).map((i) => snapshots[i]!);
  const { resolution } = shown[0]!;
  const cell = resolution * SCALE + GAP;
  const seeds = request.sampleSeeds.length;
  const canvas = new OffscreenCanvas(shown.length * cell - GAP, seeds * cell - GAP);
  const context = canvas.getContext('2d')!;
  context.imageSmoothingEnabled = false;
  const size = resolution ** 2 * 4;
  for (const [x, { pixels }] of shown.entries())
    for (let y = 0; y < seeds; y++) {
      const image = new ImageData(pixels.slice(y * size, (y + 1) * size), resolution, resolution);
      const bitmap = await createImageBitmap(image);
      context.drawImage(bitmap, x * cell, y * cell, resolution * SCALE, resolution * SCALE);
      bitmap.close();
    }
  return canvas.convertToBlob({ type: 'image/png' });
}
