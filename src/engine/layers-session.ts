import { asInnateError, InnateError } from '../lib/errors';
import { inspectionLevels, SIGMAS } from '../lib/noise-levels';
import { type ImageDenoiser, toNCHW } from '../nn/denoiser';
import { imagePower } from '../nn/inspection/block-watch';
import { observe } from '../nn/observe';
import { type CapturedMaps, PlannedDenoiser } from '../nn/plan/planned-denoiser';
import { heunStep } from '../nn/samplers';
import { HeldNetworks } from './held-networks';
import type { InspectBatch } from './inspect';
import { withRealImages } from './inspect-data';
import { MapMeasurement, type MeasureServices } from './layers-measure';
import type {
  InspectEvent,
  InspectOutcome,
  InspectRequest,
  LookRequest,
  LookResult,
  ShownInput,
} from './layers-protocol';
import type { Model } from './model';
import type { AnyDenoiser } from './open-denoiser';
import type { PageData } from './page-data';
import { toRgba } from './pixels';
import type { ModelRef, Progress } from './protocol';
import { imagesToBytes, seedBatch } from './sampling';

export interface LayersServices {
  model(ref: ModelRef, hooks: LoadHooks): Promise<Model>;
  /** Opened on the back-end's fastest path; only while the back-end is free. */
  network(model: Model): Promise<AnyDenoiser>;
  /** One that somebody else holds and that may be used for a turn, if there is one. */
  shared(model: Model): AnyDenoiser | null;
  data: PageData;
  /** Runs a task when the back-end is free, with failures of the device dealt with; `device` changes with it. */
  exclusively<T>(task: (device: object) => Promise<T>): Promise<T>;
}

interface LoadHooks {
  signal: AbortSignal;
  onProgress: (progress: Progress) => void;
}

export interface LookHooks extends LoadHooks {
  /** A newer request waits, or this one was cancelled. */
  stopped: () => boolean;
}

export interface InspectHooks extends LookHooks {
  emit: (event: InspectEvent) => void;
}

/** Networks that are looked at, on the back-end: a teacher and its student unless they are very large. */
const HELD_BYTES = 512 * 2 ** 20;
/** Of the way that is followed. */
const SAMPLER_STEPS = 18;

/**
 * The inside of networks, for the page. Uses the network that makes the images, or holds some of its own, on their
 * plans, which give feature maps, ablations and root mean squares; measures the other quantities op by op, with
 * networks that are there only meanwhile. Gives the back-end away between evaluations.
 */
export class LayersSession {
  private readonly networks: HeldNetworks;
  /** Points of the sampler's way, by model and seed: looked at again while sigma is dragged. */
  private readonly paths = new Map<string, { sigma: number; x: Float64Array<ArrayBuffer> }[]>();

  constructor(private readonly services: LayersServices) {
    this.networks = new HeldNetworks(services, HELD_BYTES);
  }

  /** Held beside what TensorFlow.js counts. */
  get bytes(): number {
    return this.networks.bytes;
  }

  async inspect(request: InspectRequest, hooks: InspectHooks): Promise<InspectOutcome> {
    for (;;) {
      const model = await this.services.model(request.model, hooks);
      const student = request.student ? await this.services.model(request.student, hooks) : null;
      const map = new MapMeasurement(this.measureServices(hooks), model, student, request);
      try {
        map.begin();
        const outcome = await map.run(await this.batch(model, request.input, request.seeds));
        if (outcome !== 'again') return outcome; // else the device is another one, or set up anew
      } finally {
        map.dispose();
      }
    }
  }

  private measureServices({ emit, stopped }: InspectHooks): MeasureServices {
    return {
      emit,
      stopped,
      exclusively: this.services.exclusively,
      guarded: (denoiser, step) => this.unlessBroken(denoiser, step),
      planned: (device, model) => this.networks.get(device, model),
    };
  }

  async look(request: LookRequest, hooks: LookHooks): Promise<LookResult> {
    const { stopped } = hooks;
    if (stopped()) return { kind: 'superseded' };
    const model = await this.services.model(request.model, hooks);
    const batch = await this.batch(model, request.input, [request.seed]);
    return this.services.exclusively(async (device) => {
      if (stopped()) return { kind: 'superseded' };
      const denoiser = await this.networks.get(device, model);
      return this.unlessBroken(denoiser, () => this.lookAt(denoiser, request, batch));
    });
  }

  /** A failure of the back-end may be the network's for good, as that of its threads is: it is opened anew then. */
  private async unlessBroken<T>(denoiser: AnyDenoiser, task: () => Promise<T>): Promise<T> {
    try {
      return await task();
    } catch (error) {
      const planned = denoiser instanceof PlannedDenoiser;
      if (planned && asInnateError(error, 'backend').code === 'backend') this.networks.drop(denoiser);
      throw error;
    }
  }

  private async lookAt(
    denoiser: AnyDenoiser,
    { want, sigma, input, row, gains, steps, model, seed }: LookRequest,
    batch: InspectBatch,
  ): Promise<LookResult> {
    const started = performance.now();
    const { unet } = denoiser.config;
    const picture = async (values: Float32Array): Promise<LookResult> => ({
      kind: 'picture',
      pixels: toRgba(imagesToBytes(values, unet.outChannels, unet.imgResolution), unet.outChannels),
      resolution: unet.imgResolution,
      spectrum: Array.from(await imagePower(values, unet.outChannels, unet.imgResolution)),
      ms: performance.now() - started,
    });
    // The network's own way, whatever is silenced in it at its end.
    const x =
      input.kind === 'trajectory' && want !== 'sampled'
        ? await this.onTrajectory(denoiser, model, seed, batch, sigma)
        : batch.latents.map((z, i) => z * sigma + (batch.images?.[i] ?? 0));
    // As the network sees it: scaled to the size of an image.
    if (want === 'input') return picture(x.map((v) => v / Math.sqrt(1 + sigma ** 2)));
    denoiser.setGains(new Map(Object.entries(gains ?? {})));
    try {
      if (want === 'sampled') {
        const key = `${seed} ${JSON.stringify(gains)}`;
        const path = await this.samplerPath(denoiser, model, key, batch, steps ?? SAMPLER_STEPS);
        return await picture(Float32Array.from(path.at(-1)!.x));
      }
      if (want === 'denoised') return await picture(await denoiser.denoise(x, sigma, batch.classes));
      const { values, channels, size } = await captureMaps(denoiser, x, sigma, batch.classes, row ?? '');
      const planes = toNCHW(values, 1, channels, size * size) as Float32Array<ArrayBuffer>;
      return { kind: 'maps', values: planes, channels, size, ms: performance.now() - started };
    } finally {
      denoiser.setGains(new Map());
    }
  }

  /** The input at `sigma` on the sampler's way: from the last point above it along the straight line that it takes. */
  private async onTrajectory(
    denoiser: ImageDenoiser,
    ref: ModelRef,
    seed: number,
    batch: InspectBatch,
    sigma: number,
  ): Promise<Float32Array> {
    const path = await this.samplerPath(denoiser, ref, String(seed), batch, SAMPLER_STEPS);
    const after = path.findIndex((p) => p.sigma < sigma);
    const [high, low] = [path[Math.max(0, after - 1)]!, path[Math.max(1, after)]!];
    const t = Math.min(1, Math.max(0, (high.sigma - sigma) / (high.sigma - low.sigma)));
    return Float32Array.from(high.x, (v, i) => v + t * (low.x[i]! - v));
  }

  private async samplerPath(
    denoiser: ImageDenoiser,
    ref: ModelRef,
    what: string,
    { latents, classes }: InspectBatch,
    steps: number,
  ): Promise<{ sigma: number; x: Float64Array<ArrayBuffer> }[]> {
    const key = `${modelKey(ref)} ${what} ${classes?.[0]} ${steps}`;
    const known = this.paths.get(key);
    if (known) return known;
    const evaluate = (v: Float32Array, s: number) => denoiser.denoise(v, s, classes);
    const levels = [...inspectionLevels('heun', steps), 0];
    let x = Float64Array.from(latents, (z) => z * SIGMAS.max);
    const path = [{ sigma: SIGMAS.max as number, x }];
    for (let i = 0; i < steps; i++) {
      const denoised = await evaluate(Float32Array.from(x), levels[i]!);
      x = await heunStep(evaluate, x, denoised, levels[i]!, levels[i + 1]!);
      path.push({ sigma: levels[i + 1]!, x });
    }
    if (this.paths.size > 40) this.paths.clear();
    this.paths.set(key, path);
    return path;
  }

  private async batch(model: Model, input: ShownInput, seeds: readonly number[]): Promise<InspectBatch> {
    const { config } = model;
    const classIndex =
      input.classIndex !== null && input.classIndex < config.unet.labelDim ? input.classIndex : null;
    const batch = seedBatch(config, seeds, classIndex);
    if (input.kind !== 'noised' || !input.data) return batch;
    const data = await this.services.data.open(input.data, config, () => {});
    const real = await withRealImages(batch, data, config, seeds);
    return classIndex === null ? real : { ...real, classes: batch.classes };
  }
}

const modelKey = (ref: ModelRef): string => (ref.kind === 'catalogue' ? ref.id : ref.key);

/** Values of a block, or of a part of one, for one image; nothing behind it is computed. */
async function captureMaps(
  denoiser: AnyDenoiser,
  x: Float32Array,
  sigma: number,
  classes: Int32Array | null,
  row: string,
): Promise<CapturedMaps> {
  if (denoiser instanceof PlannedDenoiser) {
    const { maps } = await denoiser.observe(x, sigma, classes, { maps: [row] });
    return maps.get(row)!;
  }
  let shape: number[] = [];
  const { values } = await observe(denoiser, x, sigma, classes, {
    until: row,
    see: (name, value, record) => {
      if (name !== row) return;
      shape = value.shape;
      record('maps', value);
    },
  });
  const maps = values.get('maps');
  if (!maps) throw new InnateError('bad-argument', 'this network has no such layer', { where: row });
  return { values: maps, size: shape.length === 4 ? shape[1]! : 1, channels: shape.at(-1)! };
}
