import {
  CHANNELS0, CHUNK, CHUNKS, COUNT, GRADIENT, HEIGHT, IMAGES, OUT, OUT_CHANNELS, PARTIALS, SOURCE0, WIDTH,
} from '../record';
import { lanes, madd } from './vector';

/**
 * The minibatch's standard deviation as one more channel (Karras et al. 2018), and its gradient: a task is some pixels of all
 * images, so that the batch's moments of a pixel are at hand.
 */
const EPS: f32 = 1e-6;

/** Sums of standard deviations of some pixels, in float64. */
export function deviationSums(record: usize, task: i32, scratch: usize): void {
  const channels = load<i32>(record + CHANNELS0);
  const images = load<i32>(record + IMAGES);
  const pixels = load<i32>(record + HEIGHT) * load<i32>(record + WIDTH);
  const first = task * load<i32>(record + CHUNK);
  const last = min(pixels, first + load<i32>(record + CHUNK));
  const leap = <usize>(pixels * channels) << 2;
  let sum: f64 = 0;
  for (let p = first; p < last; p++)
    for (let c = 0; c < channels; c += 4) {
      const from = load<usize>(record + SOURCE0) + (<usize>(p * channels + c) << 2);
      const deviation = spread(from, leap, images, batchMean(from, leap, images));
      sum += lanes(v128.and(deviation, real(record, c)));
    }
  store<f64>(load<usize>(record + PARTIALS) + (<usize>task << 3), sum);
}

function batchMean(from: usize, leap: usize, images: i32): v128 {
  let sum = f32x4.splat(0);
  for (let n = 0; n < images; n++) sum = f32x4.add(sum, v128.load(from + <usize>n * leap));
  return f32x4.div(sum, f32x4.splat(<f32>images));
}

/** Standard deviation over the batch. */
function spread(from: usize, leap: usize, images: i32, mean: v128): v128 {
  let squares = f32x4.splat(0);
  for (let n = 0; n < images; n++) {
    const d = f32x4.sub(v128.load(from + <usize>n * leap), mean);
    squares = madd(d, d, squares);
  }
  return f32x4.sqrt(f32x4.add(f32x4.div(squares, f32x4.splat(<f32>images)), f32x4.splat(EPS)));
}

/** Ones in the lanes of channels that do not only pad. */
function real(record: usize, c: i32): v128 {
  return i32x4.lt_s(i32x4.add(i32x4(0, 1, 2, 3), i32x4.splat(c)), i32x4.splat(load<i32>(record + COUNT)));
}

/** Copies some pixels of all images with the mean deviation behind their channels. */
export function deviationJoin(record: usize, task: i32, scratch: usize): void {
  const bytes = <usize>load<i32>(record + CHANNELS0) << 2;
  const count = load<i32>(record + COUNT);
  const outBytes = <usize>load<i32>(record + OUT_CHANNELS) << 2;
  const images = load<i32>(record + IMAGES);
  const pixels = load<i32>(record + HEIGHT) * load<i32>(record + WIDTH);
  const first = task * load<i32>(record + CHUNK);
  const last = min(pixels, first + load<i32>(record + CHUNK));
  let sum: f64 = 0;
  for (let k = 0; k < load<i32>(record + CHUNKS); k++) sum += load<f64>(load<usize>(record + PARTIALS) + (<usize>k << 3));
  const deviation = <f32>(sum / <f64>(pixels * count));
  for (let n = 0; n < images; n++)
    for (let p = first; p < last; p++) {
      const pixel = <usize>(n * pixels + p);
      const to = load<usize>(record + OUT) + pixel * outBytes;
      memory.copy(to, load<usize>(record + SOURCE0) + pixel * bytes, bytes);
      if (outBytes > bytes) memory.fill(to + bytes, 0, outBytes - bytes);
      store<f32>(to + (<usize>count << 2), deviation);
    }
}

/** dx = dy + (sum of the deviation channel's dy) (x - mean) / (deviation * values), some pixels of all images. */
export function deviationGradient(record: usize, task: i32, scratch: usize): void {
  const channels = load<i32>(record + CHANNELS0);
  const count = load<i32>(record + COUNT);
  const dyBytes = <usize>load<i32>(record + OUT_CHANNELS) << 2;
  const images = load<i32>(record + IMAGES);
  const pixels = load<i32>(record + HEIGHT) * load<i32>(record + WIDTH);
  const first = task * load<i32>(record + CHUNK);
  const last = min(pixels, first + load<i32>(record + CHUNK));
  const leap = <usize>(pixels * channels) << 2;
  const dy = load<usize>(record + GRADIENT);
  let sum: f64 = 0;
  for (let p = 0; p < images * pixels; p++) sum += load<f32>(dy + <usize>p * dyBytes + (<usize>count << 2));
  const factor = f32x4.splat(<f32>(sum / (<f64>images * <f64>(pixels * count))));
  for (let p = first; p < last; p++)
    for (let c = 0; c < channels; c += 4) {
      const at = <usize>(p * channels + c) << 2;
      const from = load<usize>(record + SOURCE0) + at;
      const mean = batchMean(from, leap, images);
      const share = f32x4.div(factor, spread(from, leap, images, mean));
      const mask = real(record, c);
      for (let n = 0; n < images; n++) {
        const g = v128.load(dy + <usize>(n * pixels + p) * dyBytes + (<usize>c << 2));
        const dx = madd(f32x4.sub(v128.load(from + <usize>n * leap), mean), share, g);
        v128.store(load<usize>(record + OUT) + at + <usize>n * leap, v128.and(dx, mask));
      }
    }
}
