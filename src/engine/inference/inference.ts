import * as tf from '@tensorflow/tfjs-core';
import { readyTensors } from '../../gpu/backends';
import { compileAhead } from '../../gpu/warm-up';
import type { WeightPrecision } from '../../lib/backends';
import { START_SIGMA } from '../../lib/sampling';
import type { Denoiser } from '../../nn/denoiser';
import { PlannedDenoiser } from '../../nn/plan/planned-denoiser';
import type { PrecisionPreference } from '../../protocol/models';
import { startPageThread } from '../../simd/threads';
import type { Model } from '../models/model';
import type { Device } from './device';
import { type AnyDenoiser, openOnWasm, openOnWebGpu, residentBytes } from './open-denoiser';

/** Bytes of packed weights in WebAssembly; larger networks stay with TensorFlow.js, most of their weights in the file. */
const WASM_WEIGHTS = 400 * 2 ** 20;

/** A model on the engine's back-end, ready to make images. */
export class Inference {
  /** Batch sizes whose shaders are compiled. */
  private readonly compiled = new Set<number>();

  private constructor(
    readonly denoiser: AnyDenoiser,
    private readonly wanted: WeightPrecision,
    /** How many threads run it; null on a GPU. */
    readonly threads: number | null,
  ) {}

  /** `precision` 'auto': half where the file itself is, and only on a GPU. */
  static async open(
    { backend, threads }: Device,
    { config, weights, half }: Model,
    precision: PrecisionPreference,
  ): Promise<Inference> {
    if (backend.gpu) {
      const wanted = precision === 'auto' ? (half ? 'f16' : 'f32') : precision;
      const opened = await openOnWebGpu(config, weights, { context: backend.gpu, precision: wanted });
      return new Inference(opened.denoiser, opened.refused ? 'f32' : wanted, null);
    }
    const opened = await openOnWasm(config, weights, {
      threads,
      startThread: threads > 1 ? startPageThread : null,
      budget: WASM_WEIGHTS,
      budgetBytes: residentBytes(config),
    });
    return new Inference(opened.denoiser, 'f32', opened.threads);
  }

  /** Compiles what a batch of `images` needs, before anything waits for it. */
  async prepare(images: number, onProgress: (done: number, total: number) => void): Promise<void> {
    if (this.compiled.has(images)) return;
    const { denoiser } = this;
    if (denoiser instanceof PlannedDenoiser) await denoiser.prepare(images, onProgress);
    else await compileEager(denoiser, images, onProgress);
    this.compiled.add(images);
  }

  /** The precision of the weights in memory: half gives way to float32 when a result is not finite. */
  get precision(): WeightPrecision {
    return this.denoiser instanceof PlannedDenoiser && this.denoiser.onSpare ? 'f32' : this.wanted;
  }

  /** Bytes held beside what the back-end counts. */
  get bytes(): number {
    return this.denoiser instanceof PlannedDenoiser ? this.denoiser.bytes : 0;
  }

  dispose(): void {
    this.denoiser.dispose();
  }
}

/** TensorFlow.js's kernels. */
async function compileEager(
  denoiser: Denoiser,
  images: number,
  onProgress: (done: number, total: number) => void,
): Promise<void> {
  const { imgResolution, inChannels, labelDim } = denoiser.config.unet;
  await readyTensors();
  await compileAhead(() => {
    const x = tf.zeros<tf.Rank.R4>([images, imgResolution, imgResolution, inChannels]);
    const labels = labelDim ? tf.zeros<tf.Rank.R2>([images, labelDim]) : null;
    denoiser.forward(x, [START_SIGMA], labels);
  }, onProgress);
}
