import type * as Ort from 'onnxruntime-web';
import { fourierFrequencies } from '../../../src/nn/denoiser';
import { WEIGHTS_LOCATION } from '../../onnx/weights-location';
import { precondition } from '../../precondition';
import type { BenchTask } from '../task';
import type { BenchEngine, BenchStats } from './engine';

/** The unbundled library, as published, from the bench's own server. */
const FOLDER = '/ort/';

class OrtEngine implements BenchEngine {
  readonly gpu: boolean;
  private session: Ort.InferenceSession | null = null;
  private readonly freqs: Float32Array | null;

  constructor(
    private readonly task: BenchTask,
    private readonly ort: typeof Ort,
    private readonly model: Uint8Array,
    private readonly provider: 'webgpu' | 'wasm',
  ) {
    this.gpu = provider === 'webgpu';
    this.freqs = fourierFrequencies(task.model.config, task.model.weights);
  }

  async prepare(): Promise<void> {
    this.session = await this.ort.InferenceSession.create(this.model, {
      executionProviders: [this.provider],
      externalData: [{ path: WEIGHTS_LOCATION, data: this.task.weightsFile }],
    });
  }

  async run(): Promise<Float32Array> {
    const { model, batch, x, sigma, classes } = this.task;
    const { unet } = model.config;
    const given = precondition(model.config, this.freqs, x, sigma, classes);
    const tensor = (values: Float32Array, ...shape: number[]) =>
      new this.ort.Tensor(values, [batch, ...shape]);
    const feeds: Record<string, Ort.Tensor> = {
      x: tensor(given.x, unet.inChannels, unet.imgResolution, unet.imgResolution),
      noise: tensor(given.noise, given.noise.length / batch),
    };
    if (given.labels) feeds.labels = tensor(given.labels, unet.labelDim);
    const { F } = await this.session!.run(feeds);
    return given.denoised(F!.data as Float32Array);
  }

  stats(): BenchStats {
    const { versions, wasm } = this.ort.env;
    const notes = [`flops and bytesMoved: ONNX Runtime Web ${versions.web} does not count them`];
    if (!this.gpu) notes.push(`peakBytes: size of the WebAssembly memory; ${wasm.numThreads} threads`);
    return { flops: null, bytesMoved: null, notes };
  }
}

export async function openOrt(task: BenchTask, provider: 'webgpu' | 'wasm'): Promise<BenchEngine> {
  const ort: typeof Ort = await import(/* @vite-ignore */ `${FOLDER}ort.${provider}.min.mjs`);
  ort.env.wasm.wasmPaths = FOLDER;
  ort.env.wasm.numThreads = navigator.hardwareConcurrency;
  ort.env.logLevel = 'error';
  // The library's code is its WebAssembly: loaded with the rest, before anything is timed.
  const idle = await ort.InferenceSession.create(await task.identity(), { executionProviders: [provider] });
  await idle.release();
  return new OrtEngine(task, ort, await task.onnx(), provider);
}
