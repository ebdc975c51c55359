import { InnateError } from '../../lib/errors';
import { unetBlocks } from '../blocks';
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
  private readonly executors = new Map<number, Entry>();
  private usesSpare = false;

  private constructor(
    readonly config: NetworkConfig,
    private readonly freqs: Float32Array | null,
    private network: PlannedNetwork,
    private spare: (() => Promise<PlannedNetwork>) | null,
    private readonly observed: readonly string[],
  ) {}

  /**
   * Throws `unsupported` for networks that cannot be planned, `bad-file` when the weights do not fit. `spare`
   * takes over for good when a result is not finite: half precision gives way to float32. `observe`: blocks whose
   * output `denoiseObserved` measures.
   */
  static async open(
    config: NetworkConfig,
    source: WeightSource,
    openPlan: OpenPlan,
    { spare = null, observe = [] }: { spare?: OpenPlan | null; observe?: readonly string[] } = {},
  ): Promise<PlannedDenoiser> {
    checkWeights(config.unet, source);
    const plan = planNetwork(config.unet, source, { observe });
    return new PlannedDenoiser(
      config,
      fourierFrequencies(config, source),
      await openPlan(plan, source),
      spare && (() => spare(plan, source)),
      observe,
    );
  }

  /** The executor of `batch` images: compiled on first use. */
  async prepare(batch: number, onProgress?: (done: number, total: number) => void): Promise<PlanExecutor> {
    const kept = this.executors.get(batch);
    const entry: Entry = kept ?? { executor: null, made: this.network.prepare(batch, onProgress) };
    this.executors.delete(batch);
    this.executors.set(batch, entry);
    try {
      entry.executor = await entry.made;
    } catch (error) {
      this.executors.delete(batch);
      throw error;
    }
    for (const [oldest, { executor }] of this.executors) {
      if (this.executors.size <= KEPT_EXECUTORS) break;
      if (oldest === batch || !executor) continue;
      executor.dispose();
      this.executors.delete(oldest);
    }
    return entry.executor;
  }

  async denoise(x: Float32Array, sigma: number, classes: ArrayLike<number> | null): Promise<Float32Array> {
    return (await this.forward(x, sigma, classes)).images;
  }

  /** Also the root mean square of each observed block's output, by name [N]. */
  async denoiseObserved(
    x: Float32Array,
    sigma: number,
    classes: ArrayLike<number> | null,
  ): Promise<{ images: Float32Array; rms: Map<string, Float32Array> }> {
    const { images, results } = await this.forward(x, sigma, classes);
    const n = x.length / (this.config.unet.imgResolution ** 2 * this.config.unet.inChannels);
    const sizes = new Map(
      unetBlocks(this.config.unet).map((b) => [b.name, b.resolution ** 2 * b.outChannels]),
    );
    const rms = new Map<string, Float32Array>();
    for (const name of this.observed) {
      const parts = results.get(name)!;
      const each = parts.length / n;
      const total = (i: number) => parts.subarray(i * each, (i + 1) * each).reduce((a, b) => a + b, 0);
      rms.set(
        name,
        Float32Array.from({ length: n }, (_, i) => Math.sqrt(total(i) / sizes.get(name)!)),
      );
    }
    return { images, rms };
  }

  private async forward(x: Float32Array, sigma: number, classes: ArrayLike<number> | null) {
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

    const results = await this.evaluate(n, inputs);
    const images = toNCHW(results.get(RESULT)!, n, unet.outChannels, pixels);
    for (let i = 0; i < images.length; i++) images[i] = cSkip * x[i]! + cOut * images[i]!;
    return { images, results };
  }

  /** The spare network is in use: the first one gave values that are not finite. */
  get onSpare(): boolean {
    return this.usesSpare;
  }

  private async evaluate(
    n: number,
    inputs: ReadonlyMap<string, Float32Array>,
  ): Promise<ReadonlyMap<string, Float32Array>> {
    const results = await (await this.prepare(n)).run(inputs);
    if (!this.spare || results.get(RESULT)!.every(Number.isFinite)) return results;
    const spare = this.spare;
    this.spare = null;
    this.usesSpare = true;
    this.dispose();
    this.network = await spare();
    return this.evaluate(n, inputs);
  }

  /** Memory of weights and of the executors kept. */
  get bytes(): number {
    let bytes = this.network.bytes;
    for (const { executor } of this.executors.values()) bytes += executor?.bytes ?? 0;
    return bytes;
  }

  dispose(): void {
    for (const { executor } of this.executors.values()) executor?.dispose();
    this.executors.clear();
    this.network.dispose();
  }
}

interface Entry {
  made: Promise<PlanExecutor>;
  /** null while it is being made. */
  executor: PlanExecutor | null;
}

/** Grids ask for a full pass and a rest, drags for one; more sizes than these are compiled again. */
const KEPT_EXECUTORS = 4;
