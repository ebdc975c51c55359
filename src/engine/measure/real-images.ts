import { type Dataset, DRAW_SEED } from '../../data';
import { InnateError } from '../../lib/errors';
import { whole } from '../../lib/words';
import { type FeatureStore, statisticsOf } from './feature-store';
import { fillStore, type StoreHooks, setImages } from './image-blocks';
import type { MeasureNetwork } from './measure-networks';
import type { Reference } from './measurement';

export interface RealShares {
  /** Images that generated ones are compared with, at most. */
  reference: number;
  /** Others, for the floor, at most: half of what can be read. None, as papers have it: 0. */
  heldOut: number;
}

/**
 * Real images as a reference: drawn from the whole set at random, first those that are compared with, then the ones for the
 * floor. Throws where too few can be read.
 */
export async function realReference(
  net: MeasureNetwork,
  data: Dataset,
  store: FeatureStore,
  { reference, heldOut }: RealShares,
  hooks: StoreHooks = {},
): Promise<Reference & { read: number }> {
  const wanted = Math.min(data.size, reference + heldOut);
  await fillStore(net, setImages(data, wanted, 'drawn'), store, hooks);
  const read = store.count;
  const held = Math.min(heldOut, Math.floor(read / 2));
  const used = Math.min(reference, read - held);
  if (used < 2 || (heldOut > 0 && held < 2))
    throw new InnateError('bad-argument', 'too few images to measure a distance', {
      where: data.name,
      expected: `at least ${heldOut > 0 ? 4 : 2} that can be read`,
      found: String(read),
    });
  const vectors = { store, from: 0, to: used };
  return {
    statistics: await statisticsOf(vectors),
    vectors,
    heldOut: held > 0 ? { store, from: read - held, to: read } : null,
    words:
      used === data.size
        ? `all ${whole(used)} images of ${data.name}`
        : `${whole(used)} images of ${data.name}, drawn at random (seed ${DRAW_SEED})`,
    read,
  };
}
