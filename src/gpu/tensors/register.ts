import * as tf from '@tensorflow/tfjs-core';
import type { GpuContext } from '../context';
import { adam, blend, silu, siluGradient } from '../kernels/elementwise';
import { filterGradientOf, forward, inputGradient, takes } from './convolution';
import { mapped, overElements, sizeOf } from './elements';
import { columnSums, groupNormForward, groupNormGradient } from './group-norm';
import { type ResampleAttributes, resampled } from './resample';
import { connectTensors, TensorStream } from './stream';

/**
 * Puts our kernels in the place of TensorFlow.js's on WebGPU, under the names of its operations: whoever writes
 * tf.conv2d gets them, and so do gradients. What ours do not take in (strides, dilation, channels that the
 * adapter's kernels cannot index) still goes to the stock ones.
 */
export function registerTensorKernels(context: GpuContext, backend: object): void {
  connectTensors(context, backend);
  if (registered) return;
  registered = true;
  replace('Conv2D', (stock) => (args) => {
    const { x, filter } = args.inputs as Record<string, tf.TensorInfo>;
    const info = convInfo(x!.shape, filter!.shape, args.attrs);
    return takes(info) ? forward(x!, filter!, info) : stock(args);
  });
  replace('Conv2DBackpropInput', (stock) => (args) => {
    const { dy, filter } = args.inputs as Record<string, tf.TensorInfo>;
    const info = convInfo(
      (args.attrs as unknown as { inputShape: number[] }).inputShape,
      filter!.shape,
      args.attrs,
    );
    return takes(info) ? inputGradient(dy!, filter!, info) : stock(args);
  });
  replace('Conv2DBackpropFilter', (stock) => (args) => {
    const { x, dy } = args.inputs as Record<string, tf.TensorInfo>;
    const info = convInfo(
      x!.shape,
      (args.attrs as unknown as { filterShape: number[] }).filterShape,
      args.attrs,
    );
    return takes(info) ? filterGradientOf(x!, dy!, info) : stock(args);
  });
  replace('Sum', (stock) => (args) => overRows(args, () => 1) ?? stock(args));
  replace('Mean', (stock) => (args) => overRows(args, (rows) => 1 / rows) ?? stock(args));
  own('BiasedConv2D', ({ x, filter, bias }, attributes) => {
    const info = convInfo(x!.shape, filter!.shape, attributes as tf.NamedAttrMap);
    if (takes(info)) return forward(x!, filter!, info, bias!);
    return tf.tidy(() => {
      const { strides, pad } = attributes as tf.Conv2DAttrs;
      const y = tf.conv2d(x as tf.Tensor4D, filter as tf.Tensor4D, strides, pad as number);
      return tf.add(y, bias as tf.Tensor1D);
    });
  });
  own('Resample', ({ x }, attributes) => resampled(x!, attributes as ResampleAttributes));
  own('Silu', ({ x }) => mapped(silu(), [x!]));
  own('SiluGradient', ({ dy, x }) => mapped(siluGradient(), [dy!, x!]));
  own('GroupNorm', ({ x, weight, bias }, attributes) => {
    const { y, statistics } = groupNormForward(
      x!,
      weight!,
      bias!,
      attributes as { groups: number; eps: number },
    );
    return [y, statistics];
  });
  own('GroupNormGradient', ({ dy, x, weight, statistics }) => {
    const { dx, parameters } = groupNormGradient(dy!, x!, weight!, statistics!);
    return [dx, parameters];
  });
  own('AdamStep', ({ variable, gradient, second }, attributes) => {
    const { beta2, rate, correction, eps } = attributes as Record<string, number>;
    const next = [0, 1].map(() => TensorStream.current.empty(variable!.shape)) as [
      tf.TensorInfo,
      tf.TensorInfo,
    ];
    const uniforms = { beta2F: beta2!, rateF: rate!, correctionF: correction!, epsF: eps! };
    overElements(adam(), [variable!, gradient!, second!, ...next], uniforms, sizeOf(variable!));
    return next;
  });
  own('Blend', ({ a, b }, attributes) =>
    mapped(blend(), [a!, b!], { shareF: (attributes as { share: number }).share }),
  );
}

/** Sums over leading axes, as those over rows; null where other axes are asked for. */
function overRows({ inputs, attrs }: KernelArguments, scale: (rows: number) => number): tf.TensorInfo | null {
  const x = inputs.x as tf.TensorInfo;
  const { axis, keepDims } = attrs as unknown as tf.SumAttrs;
  const axes = tf.util.parseAxisParam(axis, x.shape).sort((a, b) => a - b);
  const summed = axes.length;
  if (summed === 0 || summed === x.shape.length || x.dtype !== 'float32' || sizeOf(x) === 0) return null;
  if (axes.some((a, i) => a !== i)) return null;
  const rest = x.shape.slice(summed);
  const columns = rest.reduce((a, b) => a * b, 1);
  const shape = keepDims ? [...axes.map(() => 1), ...rest] : rest;
  return columnSums(x, columns, shape, scale(sizeOf(x) / columns));
}

type KernelArguments = Parameters<tf.KernelFunc>[0];

/** An operation that TensorFlow.js does not have: those who use it ask for it by name and can do without. */
function own(
  kernelName: string,
  run: (inputs: Record<string, tf.TensorInfo>, attributes: object) => tf.TensorInfo | tf.TensorInfo[],
): void {
  tf.registerKernel({
    kernelName,
    backendName: 'webgpu',
    kernelFunc: ({ inputs, attrs }) => run(inputs as Record<string, tf.TensorInfo>, attrs ?? {}),
  });
}

let registered = false;

function replace(kernelName: string, make: (stock: tf.KernelFunc) => tf.KernelFunc): void {
  const stock = tf.getKernel(kernelName, 'webgpu');
  tf.unregisterKernel(kernelName, 'webgpu');
  tf.registerKernel({ ...stock, kernelFunc: make(stock.kernelFunc) });
}

function convInfo(
  inShape: number[],
  filterShape: number[],
  attributes: tf.NamedAttrMap | undefined,
): tf.backend_util.Conv2DInfo {
  const { strides, pad, dataFormat, dilations, dimRoundingMode } = attributes as unknown as tf.Conv2DAttrs;
  return tf.backend_util.computeConv2DInfo(
    inShape as [number, number, number, number],
    filterShape as [number, number, number, number],
    strides,
    dilations ?? 1,
    pad,
    dimRoundingMode,
    false,
    tf.backend_util.convertConv2DDataFormat(dataFormat ?? 'NHWC'),
  );
}
