import { InnateError } from '../../lib/errors';
import type { NetworkConfig } from '../config';
import { fourierFrequencies, type ImageDenoiser, oneHot, toNCHW, toNHWC } from '../denoiser';
import { noiseEmbedding } from '../embedding';
import { precondCoefficients } from '../precond';
import { checkWeights, type WeightSource } from '../weights';
import type { OpenPlan, PlanExecutor, PlannedNetwork } from './executor';
import { planNetwork, RESULT } from './network-plan';

/**
 * D(x, sigma, class) with the network as a fused plan. Preconditioning and noise embedding are computed here in
 * float64; the plan sees c_in x and the embedding. One executor per batch size is kept, up to a few.
 */
export class PlannedDenoiser implements ImageDenoiser {
  /** Most recently used last. */
  private readonly executors = new Map<number, Promise<PlanExecutor>>();

  private constructor(
    readonly config: NetworkConfig,
    private readonly freqs: Float32Array | null,
    private readonly network: PlannedNetwork,
  ) {}

  /** Throws `unsupported` for networks that cannot be planned, `bad-file` when the weights do not fit. */
  static async open(
    config: NetworkConfig,
    source: WeightSource,
    openPlan: OpenPlan,
  ): Promise<PlannedDenoiser> {
    checkWeights(config.unet, source);
    const plan = planNetwork(config.unet, source);
    return new PlannedDenoiser(config, fourierFrequencies(config, source), await openPlan(plan, source));
  }

  /** The executor of `batch` images: compiled on first use. */
  async prepare(batch: number): Promise<PlanExecutor> {
    const kept = this.executors.get(batch);
    this.executors.delete(batch);
    const executor = kept ?? this.network.prepare(batch);
    this.executors.set(batch, executor);
    executor.catch(() => this.executors.delete(batch));
    for (const [oldest, value] of this.executors) {
      if (this.executors.size <= KEPT_EXECUTORS) break;
      this.executors.delete(oldest);
      (await value).dispose();
    }
    return executor;
  }

  async denoise(x: Float32Array, sigma: number, classes: ArrayLike<number> | null): Promise<Float32Array> {
    const { unet } = this.config;
    const pixels = unet.imgResolution ** 2;
    const n = x.length / (pixels * unet.inChannels);
    if (!Number.isInteger(n) || n === 0)
      throw new InnateError('mismatch', 'the input does not fit the network', {
        expected: `a multiple of ${pixels * unet.inChannels} values`,
        found: String(x.length),
      });
    const { cIn, cSkip, cOut, cNoise } = precondCoefficients(this.config, Math.fround(sigma));
    const image = toNHWC(x, n, unet.inChannels, pixels);
    for (let i = 0; i < image.length; i++) image[i]! *= cIn;
    const inputs = new Map([
      ['image', image],
      ['noise', noiseEmbedding(unet, new Float64Array(n).fill(cNoise), this.freqs)],
    ]);
    if (unet.labelDim)
      inputs.set('labels', classes ? oneHot(classes, unet.labelDim) : new Float32Array(n * unet.labelDim));

    const executor = await this.prepare(n);
    const f = (await executor.run(inputs)).get(RESULT)!;
    const result = toNCHW(f, n, unet.outChannels, pixels);
    for (let i = 0; i < result.length; i++) result[i] = cSkip * x[i]! + cOut * result[i]!;
    return result;
  }

  /** Memory of weights and of the executors kept. */
  async bytes(): Promise<number> {
    const executors = await Promise.all(this.executors.values());
    return executors.reduce((sum, e) => sum + e.bytes, this.network.bytes);
  }

  dispose(): void {
    const disposed = [...this.executors.values()].map((e) =>
      e.then(
        (executor) => executor.dispose(),
        () => {}, // never came to be; its caller knows
      ),
    );
    this.executors.clear();
    void Promise.all(disposed).then(() => this.network.dispose());
  }
}

/** Grids ask for a full pass and a rest, drags for one; more sizes than these are compiled again. */
const KEPT_EXECUTORS = 4;
