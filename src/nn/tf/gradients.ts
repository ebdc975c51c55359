import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-core/dist/register_all_gradients';
import { groupNormSecond } from './group-norm';
import { runKernel } from './kernels';
import { dilate, padPixels } from './pixels';

/**
 * Gradients of convolutions made of convolutions. The stock ones need kernels that the wasm back-end lacks
 * (Conv2DBackpropFilter, the depthwise back-propagations) and that are one thread a weight on WebGPU; a
 * filter gradient is a convolution over transposed tensors, an input gradient one with the flipped filter.
 *
 * Convolutions here pad with 'same' (odd kernels, stride 1) or not at all: the networks pad by an op of their own
 * otherwise. Importing this module replaces the stock gradients.
 */
interface ConvAttributes {
  strides: number | [number, number];
  pad: 'same' | 'valid' | number;
}

function strideOf({ strides }: ConvAttributes): number {
  const [sh, sw] = typeof strides === 'number' ? [strides, strides] : strides;
  if (sh !== sw) throw new Error('unequal strides have no gradient here');
  return sh;
}

/** Zeros on each side; 'same' with stride 1. */
function paddingOf(attributes: ConvAttributes, kernel: number): number {
  if (attributes.pad === 'valid' || attributes.pad === 0) return 0;
  if (attributes.pad === 'same' && strideOf(attributes) === 1 && kernel % 2 === 1) return kernel >> 1;
  throw new Error('only unpadded and stride-1 same convolutions have a gradient here: pad by tf.pad');
}

/** dy with zeros around, ready for the flipped filter: gives exactly the input's height and width. */
function forInputGradient(
  dy: tf.Tensor4D,
  attributes: ConvAttributes,
  kernel: number,
  size: number,
): tf.Tensor4D {
  const stride = strideOf(attributes);
  const padding = paddingOf(attributes, kernel);
  const spread = dilate(dy, stride);
  const before = kernel - 1 - padding;
  const after = size + kernel - 1 - spread.shape[1] - before;
  return padPixels(spread, before, after) as tf.Tensor4D;
}

const flip = (filter: tf.Tensor4D): tf.Tensor4D =>
  filter.shape[0] === 1 ? filter : tf.reverse4d(filter, [0, 1]);

function convInputGradient(
  dy: tf.Tensor4D,
  x: tf.Tensor4D,
  filter: tf.Tensor4D,
  a: ConvAttributes,
): tf.Tensor {
  const turned = tf.transpose(flip(filter), [0, 1, 3, 2]) as tf.Tensor4D;
  return tf.conv2d(forInputGradient(dy, a, filter.shape[0], x.shape[1]), turned, 1, 'valid');
}

function convFilterGradient(
  dy: tf.Tensor4D,
  x: tf.Tensor4D,
  filter: tf.Tensor4D,
  a: ConvAttributes,
): tf.Tensor {
  const [kernel, , inC, outC] = filter.shape;
  if (kernel === 1 && strideOf(a) === 1)
    return tf.reshape(tf.matMul(tf.reshape(x, [-1, inC]), tf.reshape(dy, [-1, outC]), true, false), [
      1,
      1,
      inC,
      outC,
    ]);
  const padding = paddingOf(a, kernel);
  // Channels become the batch, the batch becomes the channels: [inC, H, W, N] with filter [h, w, N, outC].
  const image = tf.transpose(padPixels(x, padding), [3, 1, 2, 0]) as tf.Tensor4D;
  const window = tf.transpose(dilate(dy, strideOf(a)), [1, 2, 0, 3]) as tf.Tensor4D;
  const gradient = tf.conv2d(image, window, 1, 'valid');
  const cropped = tf.slice(gradient, [0, 0, 0, 0], [inC, kernel, kernel, outC]); // stride may leave a rest
  return tf.transpose(cropped, [1, 2, 0, 3]);
}

/** Depthwise filters here are frozen features: only the input needs a gradient. */
function depthwiseInputGradient(
  dy: tf.Tensor4D,
  x: tf.Tensor4D,
  filter: tf.Tensor4D,
  a: ConvAttributes,
): tf.Tensor {
  const image = forInputGradient(dy, a, filter.shape[0], x.shape[1]);
  return tf.depthwiseConv2d(image, flip(filter), 1, 'valid');
}

/** WebGPU has kernels of our own for both (src/gpu/tensors). */
function byKernels(dy: tf.Tensor4D, x: tf.Tensor4D, filter: tf.Tensor4D, attributes: ConvAttributes) {
  const run = (name: string, inputs: tf.NamedTensorMap, more: tf.NamedAttrMap): tf.Tensor =>
    tf.engine().runKernel(name, inputs, { ...attributes, ...more });
  return {
    x: () => run('Conv2DBackpropInput', { dy, filter }, { inputShape: x.shape }),
    filter: () => run('Conv2DBackpropFilter', { x, dy }, { filterShape: filter.shape }),
  };
}

/** The gradients of a convolution's inputs, by their names there, from dy and what was saved of its forward pass. */
type ConvGradient = (
  dy: tf.Tensor4D,
  x: tf.Tensor4D,
  filter: tf.Tensor4D,
  attributes: ConvAttributes,
) => Record<string, () => tf.Tensor>;

function registerConvolution(kernelName: string, gradient: ConvGradient): void {
  tf.registerGradient({
    kernelName,
    inputsToSave: ['x', 'filter'],
    gradFunc: (dy, saved, attributes) => {
      const [x, filter] = saved as [tf.Tensor4D, tf.Tensor4D];
      return gradient(dy as tf.Tensor4D, x, filter, attributes as unknown as ConvAttributes);
    },
  });
}

tf.unregisterGradient('Conv2D');
registerConvolution('Conv2D', (dy, x, filter, attributes) =>
  tf.getBackend() === 'webgpu' && strideOf(attributes) === 1
    ? byKernels(dy, x, filter, attributes)
    : {
        x: () => convInputGradient(dy, x, filter, attributes),
        filter: () => convFilterGradient(dy, x, filter, attributes),
      },
);

tf.unregisterGradient('DepthwiseConv2dNative');
registerConvolution('DepthwiseConv2dNative', (dy, x, filter, attributes) => ({
  x: () => depthwiseInputGradient(dy, x, filter, attributes),
  filter: () => {
    throw new Error('depthwise filters are frozen: they have no gradient here');
  },
}));

registerConvolution('BiasedConv2D', (dy, x, filter, attributes) => ({
  ...byKernels(dy, x, filter, attributes),
  bias: () => tf.sum(dy, [0, 1, 2]),
}));

/** The stock one compares, and a comparison has no gradient: R1 differentiates this one once more. */
tf.unregisterGradient('LeakyRelu');
tf.registerGradient({
  kernelName: 'LeakyRelu',
  inputsToSave: ['x'],
  gradFunc: (dy, [x], { alpha }) => ({
    x: () => tf.mul(dy as tf.Tensor, tf.step(x!, alpha as number)),
  }),
});

/** Down- and upsampling with the same taps and padding are each other's transposes. */
tf.registerGradient({
  kernelName: 'Resample',
  inputsToSave: ['x'],
  gradFunc: (dy, [x], attributes) => ({
    x: () =>
      runKernel<tf.Tensor>(
        'Resample',
        { x: dy as tf.Tensor },
        {
          ...(attributes as { taps: number[]; pad: number }),
          direction: attributes.direction === 'up' ? 'down' : 'up',
          outHeight: x!.shape[1]!,
          outWidth: x!.shape[2]!,
        },
      ),
  }),
});

/** Second derivatives of the operations of ours that stand for a gradient: R1 is a loss made of gradients. */
tf.registerGradient({
  kernelName: 'GroupNormGradient',
  inputsToSave: ['dy', 'x', 'weight', 'statistics'],
  gradFunc: (given, saved) => {
    const [dy, x, weight, statistics] = saved as [tf.Tensor3D, tf.Tensor3D, tf.Tensor1D, tf.Tensor3D];
    return groupNormSecond((given as unknown as tf.Tensor[])[0]!, dy, x, weight, statistics);
  },
});

tf.registerGradient({
  kernelName: 'SiluGradient',
  inputsToSave: ['dy', 'x'],
  gradFunc: (given, saved) => {
    const [z, [dy, x]] = [given as tf.Tensor, saved as [tf.Tensor, tf.Tensor]];
    return {
      dy: () => runKernel<tf.Tensor>('SiluGradient', { dy: z, x }),
      x: () => {
        const s = tf.sigmoid(x); // silu'' = s (1 - s) (2 + x (1 - 2 s))
        const curve = tf.add(tf.mul(x, tf.sub(1, tf.mul(s, 2))), 2);
        return tf.mul(tf.mul(z, dy), tf.mul(tf.mul(s, tf.sub(1, s)), curve));
      },
    };
  },
});
