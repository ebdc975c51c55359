import { type Dataset, DRAW_SEED } from '../../data';
import { InnateError } from '../../lib/errors';
import { joined } from '../../lib/floats';
import { whole } from '../../lib/words';
import { compareToReal, type FrechetResult } from '../../measure/frechet';
import { type FeatureStatistics, featureStatistics } from '../../measure/moments';
import { asShown, extract } from './extract';
import { setImages } from './image-blocks';
import { FEATURE_WORDS, type MeasureNetwork } from './measure-networks';

/** Named wherever a distance is shown: it is not the Inception FID. */
export const MEASURE_NAME = FEATURE_WORDS.resnet56;

const BATCH = 50;

/** Fréchet distances to real images on one feature network. */
export class FrechetMeasure {
  private constructor(
    private readonly net: MeasureNetwork,
    private readonly real: FeatureStatistics,
    /** What the distance is to, in words. */
    readonly reference: string,
    /** Distance of held-out real images to the reference: what a perfect generator would get. */
    readonly floor: FrechetResult,
    /** Real images that were read, of both kinds. */
    readonly read: number,
  ) {}

  /**
   * Real images are drawn from the whole set at random: first those of the reference, then up to `heldOut` others for
   * the floor; of a set with fewer readable images than both, half at most are held out. Throws an InnateError for a set
   * of which fewer than four images can be read.
   */
  static async against(
    net: MeasureNetwork,
    data: Dataset,
    heldOut: number,
    reference: number,
    onProgress?: (done: number, total: number) => void,
    seed = DRAW_SEED,
  ): Promise<FrechetMeasure> {
    const wanted = Math.min(heldOut + reference, data.size);
    const chunks: Float32Array[] = [];
    let read = 0;
    for await (const images of setImages(data, wanted, 'drawn', { seed, block: BATCH }).blocks(0, {})) {
      chunks.push((await extract(net, images)).features);
      read += chunks.at(-1)!.length / net.dims;
      onProgress?.(read, wanted);
    }
    const held = Math.min(heldOut, Math.floor(read / 2));
    const used = Math.min(reference, read - held);
    if (used < 2 || held < 2)
      throw new InnateError('bad-argument', 'too few images to measure a distance', {
        where: data.name,
        expected: 'at least 4 that can be read',
        found: String(read),
      });
    const features = joined(chunks);
    const real = featureStatistics(features.subarray(0, used * net.dims), net.dims);
    const rest = features.subarray((read - held) * net.dims, read * net.dims);
    const floor = compareToReal(rest, net.dims, real);
    const words = `${whole(used)} images of ${data.name}, drawn at random (seed ${seed})`;
    return new FrechetMeasure(net, real, words, floor, read);
  }

  /** Generated images [N, C, R, R] in [-1, 1]; rounded to bytes as they would be shown. */
  async measure(images: Float32Array, channels: number, resolution: number): Promise<FrechetResult> {
    const { features } = await extract(this.net, { values: asShown(images.slice()), channels, resolution });
    return compareToReal(features, this.net.dims, this.real);
  }

  /** The same real images on another device, where `net` is. */
  on(net: MeasureNetwork): FrechetMeasure {
    return new FrechetMeasure(net, this.real, this.reference, this.floor, this.read);
  }

  dispose(): void {
    this.net.dispose();
  }
}
