import { type Dataset, drawn, skippedLine } from '../../data';
import type { DataCheck } from '../../protocol/distil';

/** Edge of a small picture, and how many there are. */
export const THUMBNAIL = 48;
const THUMBNAILS = 8;
/** Images looked at, at most, and for how long: enough to know a set, soon. */
const MOST = 500;
const MILLISECONDS = 4000;

/**
 * A look at a person's own images before a run is made of them: sizes, classes, small pictures, and what cannot be read.
 * `data` is opened at THUMBNAIL pixels. Of a large set a part is looked at, drawn at random.
 */
export async function checkDataset(
  data: Dataset,
  breathe: () => Promise<void>,
  now: () => number = () => performance.now(),
): Promise<DataCheck> {
  const area = data.resolution ** 2;
  const pixels = new Uint8ClampedArray(4 * area * THUMBNAILS).fill(255);
  const started = now();
  let looked = 0;
  for await (const { pixels: planes } of drawn(data)) {
    if (looked < THUMBNAILS)
      for (let i = 0; i < area; i++)
        for (let c = 0; c < 3; c++)
          pixels[4 * (looked * area + i) + c] = planes[(data.channels === 1 ? 0 : c * area) + i]!;
    looked++;
    if (looked % 20 === 0) await breathe();
    if (looked === MOST || now() - started > MILLISECONDS) break;
  }
  const shown = Math.min(looked, THUMBNAILS);
  return {
    name: data.name,
    size: data.size,
    looked: looked + data.skipped.length,
    labelDim: data.labelDim,
    classes: data.classes && [...data.classes],
    channels: data.channels,
    sizes: data.sizes.slice(0, 3).map((size) => ({ ...size })),
    otherSizes: Math.max(0, data.sizes.length - 3),
    thumbnails: { pixels: pixels.slice(0, 4 * area * shown), resolution: data.resolution, count: shown },
    skipped: data.skipped.length,
    reasons: skippedLine(data.skipped),
    notes: [...data.notes],
  };
}
