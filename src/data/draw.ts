import { shuffled } from './shuffle';
import type { Dataset, Sample } from './types';

/** Seed of the order in which a part of a set is drawn, where nobody asks for another. */
export const DRAW_SEED = 0;

/** No epoch of training has this number: what is drawn here says nothing of what a run sees first. */
const EPOCH = 2 ** 32 - 1;

/**
 * The readable images of a set in random order, each once. Sets are often sorted, by class or by camera: whoever needs
 * a part of one takes it from here, never from the head. What comes depends on the set and the seed alone.
 */
export async function* drawn(data: Dataset, seed = DRAW_SEED): AsyncGenerator<Sample> {
  for (let place = 0; place < data.size; place++) {
    const sample = await data.read(shuffled(place, data.size, seed, EPOCH));
    if (sample) yield sample;
  }
}
