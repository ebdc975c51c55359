import { InnateError } from '../../lib/errors';
import { unetBlocks } from '../blocks';
import type { NetworkConfig } from '../config';
import {
  type ClassLabels,
  fourierFrequencies,
  type ImageDenoiser,
  labelRows,
  toNCHW,
  toNHWC,
} from '../denoiser';
import { noiseEmbedding } from '../embedding';
import { findBlock } from '../gains';
import { precondCoefficients } from '../precond';
import { checkWeights, type WeightSource } from '../weights';
import type { OpenNetwork, PlanExecutor, PlannedNetwork } from './executor';
import { type PlanOptions, planNetwork, RESULT, squaresOf } from './network-plan';
import type { Plan } from './steps';

/** What one evaluation is wanted for. */
export interface PlanWatch {
  /** Blocks whose root mean square is wanted. */
  rms?: readonly string[];
  /** Blocks, or parts of blocks, whose values are wanted. */
  maps?: readonly string[];
  /** The denoised images too. Without them nothing behind the last of the above is computed. */
  images?: boolean;
}

/** Values inside of the network, [N, size, size, channels]; of a vector size is 1. */
export interface CapturedMaps {
  values: Float32Array;
  size: number;
  channels: number;
}

export interface PlanObservation {
  /** [N] by block. */
  rms: ReadonlyMap<string, Float32Array>;
  maps: ReadonlyMap<string, CapturedMaps>;
  /** [N, C, R, R] flat; null when they were not asked for. */
  images: Float32Array | null;
}

/**
 * D(x, sigma, class) with the network as a fused plan. Preconditioning and noise embedding are computed here in
 * float64; the plan sees c_in x and the embedding. What is looked at inside of the network has plans of its own, on the
 * same weights. The last few executors, one for each plan and batch size, are kept.
 */
export class PlannedDenoiser implements ImageDenoiser {
  /** Most recently used last. */
  private readonly executors = new Map<string, Entry>();
  private usesSpare = false;
  private gains: ReadonlyMap<string, number> = new Map();

  private constructor(
    readonly config: NetworkConfig,
    private readonly source: WeightSource,
    private readonly freqs: Float32Array | null,
    private network: PlannedNetwork,
    private spare: (() => Promise<PlannedNetwork>) | null,
  ) {}

  /**
   * Throws `unsupported` for networks that cannot be planned, `bad-file` when the weights do not fit. `spare`
   * takes over for good when a result is not finite: half precision gives way to float32.
   */
  static async open(
    config: NetworkConfig,
    source: WeightSource,
    openNetwork: OpenNetwork,
    { spare = null }: { spare?: OpenNetwork | null } = {},
  ): Promise<PlannedDenoiser> {
    checkWeights(config.unet, source);
    const whole = planNetwork(config.unet, source);
    return new PlannedDenoiser(
      config,
      source,
      fourierFrequencies(config, source),
      await openNetwork(whole, source),
      spare && (() => spare(whole, source)),
    );
  }

  /**
   * Sets by how much, from now on, each block's addition to what it passes on is multiplied, by published block
   * name; blocks that are not named are as trained. Throws `bad-argument` on a block that does not exist.
   */
  setGains(gains: ReadonlyMap<string, number>): void {
    for (const name of gains.keys()) findBlock(this.config.unet, name);
    this.gains = new Map([...gains].filter(([, gain]) => gain !== 1));
  }

  /** The executor that makes `batch` images: compiled on first use. */
  async prepare(batch: number, onProgress?: (done: number, total: number) => void): Promise<PlanExecutor> {
    return (await this.executor(this.options({ images: true }), batch, onProgress)).executor;
  }

  async denoise(x: Float32Array, sigma: number, classes: ClassLabels): Promise<Float32Array> {
    const { results } = await this.forward(x, sigma, classes, { images: true });
    return this.images(x, sigma, results);
  }

  /** One evaluation, x and `classes` as of `denoise`, for what is wanted of it. */
  async observe(
    x: Float32Array,
    sigma: number,
    classes: ArrayLike<number> | null,
    watch: PlanWatch,
  ): Promise<PlanObservation> {
    const { n, plan, results } = await this.forward(x, sigma, classes, watch);
    const maps = new Map<string, CapturedMaps>();
    for (const name of watch.maps ?? []) {
      const { value, channels } = plan.outputs.get(name)!;
      maps.set(name, { values: results.get(name)!, size: Math.max(1, value.height), channels });
    }
    const images = watch.images ? this.images(x, sigma, results) : null;
    return { images, maps, rms: this.rootMeanSquares(watch.rms ?? [], results, n) };
  }

  /** Runs the plan of what is wanted; `n` is how many images x holds. Throws `mismatch` where it is no whole number. */
  private async forward(
    x: Float32Array,
    sigma: number,
    classes: ClassLabels,
    watch: PlanWatch,
  ): Promise<{ n: number; plan: Plan; results: PlanResults }> {
    const { unet } = this.config;
    const pixels = unet.imgResolution ** 2;
    const n = x.length / (pixels * unet.inChannels);
    if (!Number.isInteger(n) || n === 0)
      throw new InnateError('mismatch', 'the input does not fit the network', {
        expected: `a multiple of ${pixels * unet.inChannels} values`,
        found: String(x.length),
      });
    const { cIn, cNoise } = precondCoefficients(this.config, Math.fround(sigma));
    const image = toNHWC(x, n, unet.inChannels, pixels);
    for (let i = 0; i < image.length; i++) image[i]! *= cIn;
    const inputs = new Map([
      ['image', image],
      ['noise', noiseEmbedding(unet, new Float64Array(n).fill(cNoise), this.freqs)],
    ]);
    if (unet.labelDim)
      inputs.set('labels', classes ? labelRows(classes, unet.labelDim) : new Float32Array(n * unet.labelDim));
    return { n, ...(await this.evaluate(this.options(watch), n, inputs)) };
  }

  /** c_skip x + c_out F of a plan that ends in the result: [N, C, R, R] flat. */
  private images(x: Float32Array, sigma: number, results: PlanResults): Float32Array {
    const { imgResolution, outChannels } = this.config.unet;
    const pixels = imgResolution ** 2;
    const { cSkip, cOut } = precondCoefficients(this.config, Math.fround(sigma));
    const images = toNCHW(results.get(RESULT)!, x.length / (outChannels * pixels), outChannels, pixels);
    for (let i = 0; i < images.length; i++) images[i] = cSkip * x[i]! + cOut * images[i]!;
    return images;
  }

  private rootMeanSquares(
    blocks: readonly string[],
    results: PlanResults,
    n: number,
  ): Map<string, Float32Array> {
    const sizes = new Map(
      unetBlocks(this.config.unet).map((b) => [b.name, b.resolution ** 2 * b.outChannels]),
    );
    const rms = new Map<string, Float32Array>();
    for (const name of blocks) {
      const parts = results.get(squaresOf(name))!;
      const each = parts.length / n;
      const total = (i: number) => parts.subarray(i * each, (i + 1) * each).reduce((a, b) => a + b, 0);
      rms.set(
        name,
        Float32Array.from({ length: n }, (_, i) => Math.sqrt(total(i) / sizes.get(name)!)),
      );
    }
    return rms;
  }

  /** The spare network is in use: the first one gave values that are not finite. */
  get onSpare(): boolean {
    return this.usesSpare;
  }

  private options({ rms = [], maps = [], images = false }: PlanWatch): PlanOptions {
    return { keep: maps, observe: rms, result: images, gains: [...this.gains.keys()].sort() };
  }

  private async evaluate(
    options: PlanOptions,
    n: number,
    inputs: ReadonlyMap<string, Float32Array>,
  ): Promise<{ plan: Plan; results: PlanResults }> {
    const { plan, executor } = await this.executor(options, n);
    const results = await executor.run(inputs, this.gains);
    if (!this.spare || [...results.values()].every((values) => values.every(Number.isFinite)))
      return { plan, results };
    const spare = this.spare;
    this.spare = null;
    this.usesSpare = true;
    this.dispose();
    this.network = await spare();
    return this.evaluate(options, n, inputs);
  }

  private async executor(
    options: PlanOptions,
    batch: number,
    onProgress?: (done: number, total: number) => void,
  ): Promise<{ plan: Plan; executor: PlanExecutor }> {
    const key = JSON.stringify([options, batch]);
    let entry = this.executors.get(key);
    if (!entry) {
      const plan = planNetwork(this.config.unet, this.source, options);
      entry = { plan, executor: null, made: this.network.prepare(plan, batch, onProgress) };
    }
    this.executors.delete(key);
    this.executors.set(key, entry);
    try {
      entry.executor = await entry.made;
    } catch (error) {
      this.executors.delete(key);
      throw error;
    }
    for (const [oldest, { executor }] of this.executors) {
      if (this.executors.size <= KEPT_EXECUTORS) break;
      if (oldest === key || !executor) continue;
      executor.dispose();
      this.executors.delete(oldest);
    }
    return { plan: entry.plan, executor: entry.executor };
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

/** What a plan gives, by name. */
type PlanResults = ReadonlyMap<string, Float32Array>;

interface Entry {
  plan: Plan;
  made: Promise<PlanExecutor>;
  /** null while it is being made. */
  executor: PlanExecutor | null;
}

/** Grids ask for a full pass and a rest, drags for one; what is rarer than these is compiled again. */
const KEPT_EXECUTORS = 4;
