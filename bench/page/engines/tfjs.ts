import * as tf from '@tensorflow/tfjs';
import '@tensorflow/tfjs-backend-webgpu';
import { InnateError } from '../../../src/lib/errors';
import { fourierFrequencies, toNCHW, toNHWC } from '../../../src/nn/denoiser';
import { dhariwalUNet } from '../../../src/nn/dhariwal-unet';
import { songUNet } from '../../../src/nn/song-unet';
import { precondition } from '../../precondition';
import type { BenchTask } from '../task';
import type { BenchEngine, BenchStats } from './engine';
import { PlainOps } from './plain-ops';

/** Plain TensorFlow.js as its documentation shows it: stock back-end, stock device, stock ops. */
class TfjsWebGPU implements BenchEngine {
  readonly gpu = true;
  private readonly ops: PlainOps;
  private readonly freqs: Float32Array | null;

  constructor(private readonly task: BenchTask) {
    this.ops = new PlainOps(task.model.weights);
    this.freqs = fourierFrequencies(task.model.config, task.model.weights);
  }

  async prepare(): Promise<void> {
    tf.enableProdMode();
    if (!(await tf.setBackend('webgpu'))) throw new InnateError('backend', 'no webgpu back-end');
    await tf.ready();
  }

  async run(): Promise<Float32Array> {
    const { model, batch, x, sigma, classes } = this.task;
    const { unet } = model.config;
    const size = unet.imgResolution;
    const given = precondition(model.config, this.freqs, x, sigma, classes);
    const net = unet.modelType === 'SongUNet' ? songUNet : dhariwalUNet;
    const f = tf.tidy(() => {
      const image: tf.Tensor = tf.tensor4d(toNHWC(given.x, batch, unet.inChannels, size * size), [
        batch,
        size,
        size,
        unet.inChannels,
      ]);
      const noise: tf.Tensor = tf.tensor2d(given.noise, [batch, given.noise.length / batch]);
      const labels: tf.Tensor | null = given.labels && tf.tensor2d(given.labels, [batch, unet.labelDim]);
      return net(this.ops, unet, image, { noise, labels });
    });
    const values = (await f.data()) as Float32Array;
    f.dispose();
    return given.denoised(toNCHW(values, batch, unet.outChannels, size * size));
  }

  stats(): BenchStats {
    return {
      flops: null,
      bytesMoved: null,
      notes: [`flops and bytesMoved: TensorFlow.js ${tf.version.tfjs} does not count them`],
    };
  }
}

export const tfjsWebGPU = (task: BenchTask): BenchEngine => new TfjsWebGPU(task);
