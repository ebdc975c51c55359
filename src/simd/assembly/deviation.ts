import {
  CHANNELS0, CHUNK, COUNT, GRADIENT, HEIGHT, IMAGES, OUT, OUT_CHANNELS, PARTIALS, RESIDUAL, SOURCE0, WIDTH,
} from '../record';
import { lanes, madd, realChannels } from './vector';

/**
 * The mean standard deviation over a minibatch (Karras et al. 2018), and its gradient: a task is some pixels of all images,
 * so that the batch's moments of a pixel are at hand.
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
      sum += lanes(v128.and(deviation, realChannels(c, load<i32>(record + COUNT))));
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

/** dx = residual + gradient (x - mean) / (deviation * values), some pixels of all images; the gradient is one number. */
export function deviationGradient(record: usize, task: i32, scratch: usize): void {
  const channels = load<i32>(record + CHANNELS0);
  const residual = load<usize>(record + RESIDUAL);
  const residualBytes = <usize>load<i32>(record + OUT_CHANNELS) << 2;
  const images = load<i32>(record + IMAGES);
  const pixels = load<i32>(record + HEIGHT) * load<i32>(record + WIDTH);
  const first = task * load<i32>(record + CHUNK);
  const last = min(pixels, first + load<i32>(record + CHUNK));
  const leap = <usize>(pixels * channels) << 2;
  const values = <f64>images * <f64>(pixels * load<i32>(record + COUNT));
  const factor = f32x4.splat(<f32>(<f64>load<f32>(load<usize>(record + GRADIENT)) / values));
  for (let p = first; p < last; p++)
    for (let c = 0; c < channels; c += 4) {
      const at = <usize>(p * channels + c) << 2;
      const from = load<usize>(record + SOURCE0) + at;
      const mean = batchMean(from, leap, images);
      const share = f32x4.div(factor, spread(from, leap, images, mean));
      const mask = realChannels(c, load<i32>(record + COUNT));
      for (let n = 0; n < images; n++) {
        let dx = f32x4.mul(f32x4.sub(v128.load(from + <usize>n * leap), mean), share);
        const other = residual + <usize>(n * pixels + p) * residualBytes + (<usize>c << 2);
        if (residual != 0) dx = f32x4.add(dx, v128.load(other));
        v128.store(load<usize>(record + OUT) + at + <usize>n * leap, v128.and(dx, mask));
      }
    }
}
