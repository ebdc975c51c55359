import * as tf from '@tensorflow/tfjs-core';
import type { Dataset } from '../data';
import {
  compareToReal,
  type FeatureStatistics,
  type FrechetResult,
  featureStatistics,
} from '../distil/frechet';
import { InnateError } from '../lib/errors';
import { toNHWC } from '../nn/denoiser';
import type { CifarResNet } from '../nn/features/cifar-resnet';

/** Named wherever a distance is shown: it is not the Inception FID. */
export const MEASURE_NAME = 'ResNet-56 trained on CIFAR-10, 64 features';

const BATCH = 50;

/** Fréchet distances to real images on one feature network. */
export class FrechetMeasure {
  private constructor(
    private readonly net: CifarResNet,
    private readonly real: FeatureStatistics,
    /** What the distance is to, in words. */
    readonly reference: string,
    /** Distance of held-out real images to the reference: what a perfect generator would get. */
    readonly floor: FrechetResult,
  ) {}

  /**
   * The set's first images are the reference, its last `heldOut` the floor; entries of a set are shuffled. `breathe`
   * runs between batches: it may let messages in, and throw to stop.
   */
  static async against(
    net: CifarResNet,
    data: Dataset,
    heldOut: number,
    reference: number,
    onProgress?: (done: number, total: number) => void,
    breathe?: () => Promise<void>,
  ): Promise<FrechetMeasure> {
    const held = Math.min(heldOut, Math.floor(data.size / 2));
    const used = Math.min(reference, data.size - held);
    if (used < 2 || held < 2)
      throw new InnateError('bad-argument', 'too few images to measure a distance', {
        where: data.name,
        expected: 'at least 4',
        found: String(data.size),
      });
    let done = 0;
    const read = async (from: number, count: number): Promise<Float32Array> => {
      const chunks: Float32Array[] = [];
      for (let at = from; at < from + count; at += BATCH) {
        await breathe?.();
        const images = await realImages(data, at, Math.min(BATCH, from + count - at));
        chunks.push(await extract(net, images, data.channels, data.resolution));
        done += BATCH;
        onProgress?.(Math.min(done, used + held), used + held);
      }
      return concat(chunks);
    };
    const real = featureStatistics(await read(0, used), net.dims);
    const floor = compareToReal(await read(data.size - held, held), net.dims, real);
    return new FrechetMeasure(net, real, `${used} images of ${data.name}`, floor);
  }

  /** Generated images [N, C, R, R] in [-1, 1]; rounded to bytes as they would be shown. */
  async measure(images: Float32Array, channels: number, resolution: number): Promise<FrechetResult> {
    const size = channels * resolution ** 2;
    const chunks: Float32Array[] = [];
    for (let at = 0; at < images.length; at += BATCH * size) {
      const part = images.slice(at, Math.min(images.length, at + BATCH * size));
      for (let i = 0; i < part.length; i++)
        part[i] = Math.floor(Math.min(255, Math.max(0, part[i]! * 127.5 + 128))) / 127.5 - 1;
      chunks.push(await extract(this.net, part, channels, resolution));
    }
    return compareToReal(concat(chunks), this.net.dims, this.real);
  }

  /** The same real images on another device, where `net` is. */
  on(net: CifarResNet): FrechetMeasure {
    return new FrechetMeasure(net, this.real, this.reference, this.floor);
  }

  dispose(): void {
    this.net.dispose();
  }
}

async function extract(
  net: CifarResNet,
  images: Float32Array,
  channels: number,
  resolution: number,
): Promise<Float32Array> {
  const n = images.length / (channels * resolution ** 2);
  const features = tf.tidy(() =>
    net.features(
      tf.tensor4d(toNHWC(images, n, channels, resolution ** 2), [n, resolution, resolution, channels]),
    ),
  );
  const values = (await features.data()) as Float32Array;
  features.dispose();
  return values;
}

async function realImages(data: Dataset, from: number, count: number): Promise<Float32Array> {
  const size = data.channels * data.resolution ** 2;
  const out = new Float32Array(count * size);
  let found = 0;
  for (let i = from; i < from + count; i++) {
    const sample = await data.read(i);
    if (!sample) continue; // unreadable: listed by the set
    for (let j = 0; j < size; j++) out[found * size + j] = sample.pixels[j]! / 127.5 - 1;
    found++;
  }
  return out.subarray(0, found * size);
}

function concat(chunks: readonly Float32Array[]): Float32Array {
  const out = new Float32Array(chunks.reduce((n, c) => n + c.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    out.set(chunk, at);
    at += chunk.length;
  }
  return out;
}
