import { InnateError } from '../../lib/errors';
import type { EngineClient } from '../../protocol/client';
import type { ImageChunk } from '../../protocol/generate';
import type { MadeImage } from '../generate/images';
import { recipeOf } from '../generate/request';
import { type FrameRecipe, frameRecipe, frameRequest, type Path, samplingKey } from './frames';
import { frameName } from './words';

interface Options {
  client: Pick<EngineClient, 'generate'>;
  signal: AbortSignal;
  /** Frames that are made, with the milliseconds that they took together. */
  onFrames: (made: readonly (readonly [frame: number, image: MadeImage])[], ms: number) => void;
}

/** Makes frames of a path, those that are sampled alike in one request. */
export async function frameImages(
  path: Path,
  frames: readonly number[],
  { client, signal, onFrames }: Options,
): Promise<void> {
  for (const group of alike(path, frames)) {
    const request = frameRequest(
      path,
      group.map(([, recipe]) => recipe),
    );
    const outcome = await client.generate(request, {
      signal,
      onImages(chunk) {
        if (!signal.aborted)
          onFrames(
            chunk.indices.map((index, at) => [group[index]![0], imageOf(path, group[index]!, chunk, at)]),
            chunk.ms,
          );
      },
    });
    if (outcome !== 'complete') throw new InnateError('cancelled', 'cancelled');
  }
}

type Frame = readonly [frame: number, recipe: FrameRecipe];

/** Frames in groups of one sampling, in their order. */
function alike(path: Path, frames: readonly number[]): Frame[][] {
  const groups = new Map<string, Frame[]>();
  for (const frame of frames) {
    const recipe = frameRecipe(path, frame);
    const key = samplingKey(recipe);
    groups.set(key, [...(groups.get(key) ?? []), [frame, recipe]]);
  }
  return [...groups.values()];
}

function imageOf(path: Path, [frame, recipe]: Frame, chunk: ImageChunk, at: number): MadeImage {
  const size = 4 * chunk.resolution ** 2;
  const request = frameRequest(path, [recipe]);
  return {
    pixels: chunk.pixels.slice(at * size, (at + 1) * size),
    resolution: chunk.resolution,
    name: frameName(path, frame),
    recipe: recipeOf(request, path.model, 0, chunk.classes?.[at] ?? null),
    generation: 1,
  };
}
