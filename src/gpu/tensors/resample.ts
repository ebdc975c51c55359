import type { TensorInfo } from '@tensorflow/tfjs-core';
import { linearGrid } from '../kernels/grid';
import { unitSize } from '../kernels/kernel';
import { resample } from '../kernels/resample';
import { TensorStream } from './stream';

export interface ResampleAttributes {
  direction: 'up' | 'down';
  /** The filter along one axis, its gain included. */
  taps: readonly number[];
  pad: number;
  outHeight: number;
  outWidth: number;
}

/** The plan's resampling kernel on a tensor [N, H, W, C]. */
export function resampled(x: TensorInfo, attributes: ResampleAttributes): TensorInfo {
  const { direction, taps, pad, outHeight, outWidth } = attributes;
  const stream = TensorStream.current;
  const [n, height, width, c] = x.shape as [number, number, number, number];
  const unit = c % unitSize(stream.traits.unit) === 0 ? stream.traits.unit : 'f32';
  const channels = c / unitSize(unit);
  const total = n * outHeight * outWidth * channels;
  const out = stream.empty([n, outHeight, outWidth, c]);
  stream.call({
    kernel: resample(direction, taps.length, { affine: false, silu: false }, unit),
    operands: [x, 'nothing', 'nothing', out],
    uniforms: {
      total,
      channels,
      affineChannels: 0,
      vectorOffset: 0,
      vectorStride: 0,
      hasVector: 0,
      hasResidual: 0,
      scaleF: 1,
      pad,
      height,
      width,
      outHeight,
      outWidth,
      ...Object.fromEntries(taps.map((tap, i) => [`tap${i}F`, tap])),
    },
    grid: linearGrid(Math.ceil(total / 64)),
  });
  return out;
}
