import { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu/dist/backend_webgpu';
import '@tensorflow/tfjs-backend-webgpu/dist/register_all_kernels';
import * as tf from '@tensorflow/tfjs-core';
import { describeAdapter, openDevice, probeAdapter } from '../../src/gpu/adapter';
import { gpuContext } from '../../src/gpu/context';
import { InnateError } from '../../src/lib/errors';
import type { MicroCase } from './micro';
import { planCases } from './micro-plan';

/** Pixels a side, input and output channels of 3x3 convolutions. */
const CONVOLUTIONS = [
  [32, 64, 64],
  [32, 128, 128],
  [16, 256, 256],
  [8, 256, 256],
] as const;
/** Rows, inner size, columns. */
const PRODUCTS = [[1024, 256, 256]] as const;

/** The project's kernels and, on the same device, TensorFlow.js's own: nothing of ours is registered with it. */
export async function microCases(): Promise<MicroCase[]> {
  const adapter = await probeAdapter(navigator.gpu);
  if (!adapter) throw new InnateError('backend', 'the browser gives no WebGPU adapter');
  const device = await openDevice(adapter);
  const gpu = gpuContext(device, adapter.info, describeAdapter(adapter).software);
  tf.enableProdMode();
  tf.registerBackend('webgpu', () => new WebGPUBackend(device, adapter.info));
  await tf.setBackend('webgpu');
  return [...(await planCases(gpu)), ...stockCases(device)];
}

function stockCases(device: GPUDevice): MicroCase[] {
  tf.env().set('WEBGPU_DEFERRED_SUBMIT_BATCH_SIZE', 1);
  const stock = (family: string, name: string, flops: number, op: () => tf.Tensor): MicroCase => ({
    family,
    case: name,
    flops,
    calls: 1,
    run: async () => {
      op().dispose();
    },
    done: () => device.queue.onSubmittedWorkDone(),
  });
  const convolutions = CONVOLUTIONS.map(([size, input, output]) => {
    const x = tf.randomNormal([1, size, size, input]) as tf.Tensor4D;
    const filter = tf.randomNormal([3, 3, input, output]) as tf.Tensor4D;
    const flops = 2 * size * size * 9 * input * output;
    return stock('convolution 3x3, tfjs', `${size}x${size}, ${input}`, flops, () =>
      tf.conv2d(x, filter, 1, 'same'),
    );
  });
  const products = PRODUCTS.map(([rows, inner, columns]) => {
    const a = tf.randomNormal([rows, inner]) as tf.Tensor2D;
    const b = tf.randomNormal([inner, columns]) as tf.Tensor2D;
    const flops = 2 * rows * inner * columns;
    return stock('matrix product, tfjs', `${rows} x ${inner} x ${columns}`, flops, () => tf.matMul(a, b));
  });
  return [...convolutions, ...products];
}
