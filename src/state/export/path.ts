import { InnateError } from '../../lib/errors';
import type { EngineClient } from '../../protocol/client';
import type { ExportClient } from '../../protocol/export-client';
import type { ImageLabel } from '../../protocol/exports';
import type { MadeImage } from '../generate/images';
import type { ViewState } from '../generate/view';
import { frameImages } from '../path/make-frames';
import { Portion } from '../path/make-images';
import type { PathPlayer } from '../path/player';
import { formatPath } from '../path/view';
import { viewFragment } from './settings';
import type { TaskHooks } from './task';

export type PathFile = 'gif' | 'video' | 'frames';

interface Options {
  client: Pick<EngineClient, 'generate'>;
  files: ExportClient;
  player: PathPlayer;
  view: ViewState;
}

/** Every frame of the path in its order, as a file. Frames that were played are not made again. */
export async function writePath(
  kind: PathFile,
  scale: number,
  { client, files, player, view: shown }: Options,
  { signal, onProgress }: TaskHooks,
): Promise<Blob> {
  const { path, view, total } = player.store.getState();
  if (!path || !view)
    throw new InnateError('not-found', 'there is no path', { hint: 'Pin two images and play them' });
  const { resolution, channels } = path.model;
  const { fps, loop } = view;
  const session = await files.open(
    kind === 'frames' ? { kind, resolution, scale, channels } : { kind, resolution, scale, fps, loop },
  );
  const digits = String(total).length;
  const label = (frame: number): ImageLabel => ({
    path: `frame-${String(frame + 1).padStart(digits, '0')}.png`,
    text: {
      software: 'innate',
      model: path.model.key,
      frame: `${frame + 1} of ${total}`,
      link: viewFragment({ ...shown, path: formatPath({ ...view, frame }) }),
    },
  });
  const portion = new Portion();
  try {
    for (let frame = 0; frame < total; ) {
      const next = await some(frame);
      await session.add(
        joined(next),
        next.map((_, i) => label(frame + i)),
      );
      frame += next.length;
      onProgress(frame, total);
    }
    return await session.finish();
  } catch (error) {
    await session.close(true);
    throw error;
  }

  /** The images of the next frames: those that are there, or a few that are made now. */
  async function some(first: number): Promise<MadeImage[]> {
    if (signal.aborted) throw new InnateError('cancelled', 'cancelled');
    const ready: MadeImage[] = [];
    for (let frame = first; frame < total && ready.length < 16; frame++) {
      const image = player.frames.get(frame);
      if (!image) break;
      ready.push(image);
    }
    if (ready.length > 0) return ready;
    const frames = Array.from({ length: portion.next(total - first) }, (_, i) => first + i);
    const made = new Map<number, MadeImage>();
    await frameImages(path!, frames, {
      client,
      signal,
      onFrames(images, ms) {
        for (const [frame, image] of images) made.set(frame, image);
        portion.took(images.length, ms);
      },
    });
    if (player.store.getState().path === path) for (const [frame, image] of made) player.keep(frame, image);
    return frames.map((frame) => made.get(frame)!);
  }
}

/** Pictures one behind the other; copies, since what is sent to the worker is gone. */
function joined(images: readonly MadeImage[]): Uint8ClampedArray<ArrayBuffer> {
  const size = images[0]!.pixels.length;
  const out = new Uint8ClampedArray(images.length * size);
  for (const [i, { pixels }] of images.entries()) out.set(pixels, i * size);
  return out;
}
