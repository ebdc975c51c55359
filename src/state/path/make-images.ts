import { InnateError } from '../../lib/errors';
import type { EngineClient } from '../../protocol/client';
import type { GenerateRequest } from '../../protocol/generate';

/** Images that were made, one behind the other, in the order of a request's seeds. */
export interface MadeImages {
  /** RGBA. */
  pixels: Uint8ClampedArray<ArrayBuffer>;
  classes: readonly number[] | null;
  /** Milliseconds that they took. */
  ms: number;
}

interface Options {
  client: Pick<EngineClient, 'generate'>;
  signal: AbortSignal;
}

/** Makes the images of a request between those of the view. */
export async function makeImages(request: GenerateRequest, { client, signal }: Options): Promise<MadeImages> {
  const count = request.seeds.length;
  let pixels = new Uint8ClampedArray(0);
  let classes: number[] | null = null;
  let ms = 0;
  let made = 0;
  const outcome = await client.generate(
    { ...request, background: true },
    {
      signal,
      onImages(chunk) {
        const size = 4 * chunk.resolution ** 2;
        if (pixels.length === 0) pixels = new Uint8ClampedArray(count * size);
        chunk.indices.forEach((index, at) => {
          pixels.set(chunk.pixels.subarray(at * size, (at + 1) * size), index * size);
          if (!chunk.classes) return;
          classes ??= new Array(count).fill(0);
          classes[index] = chunk.classes[at]!;
        });
        made += chunk.indices.length;
        ms += chunk.ms;
      },
    },
  );
  if (outcome === 'complete' && made === count) return { pixels, classes, ms };
  throw new InnateError('cancelled', 'cancelled');
}

/** How long the images of one request should take together: what the view asks for waits no longer. */
const TARGET_MS = 300;
const MOST = 64;

/** How many images to ask for at once, by what the last ones took. */
export class Portion {
  private size = 1;

  next(left: number): number {
    return Math.min(this.size, left);
  }

  /** After `count` images that took `ms` together. */
  took(count: number, ms: number): void {
    const fit = Math.floor(TARGET_MS / Math.max(ms / count, 1e-3));
    this.size = Math.max(1, Math.min(MOST, 2 * this.size, fit));
  }
}
