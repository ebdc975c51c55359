import { InnateError } from '../lib/errors';
import { inspectionLevels, SIGMAS } from '../lib/noise-levels';
import type { NetworkConfig } from '../nn/config';
import { Denoiser, toNCHW } from '../nn/denoiser';
import { ACTIVE_THRESHOLD, imagePower } from '../nn/inspection/block-watch';
import { inspectionRows } from '../nn/inspection/rows';
import { observe } from '../nn/observe';
import { parameterCount } from '../nn/parameters';
import { heunStep } from '../nn/samplers';
import { type InspectBatch, type InspectOptions, sweep } from './inspect';
import { compareBlocks, STUDENT_SIGMA, weightChange } from './inspect-compare';
import { withRealImages } from './inspect-data';
import type {
  InspectEvent,
  InspectOutcome,
  InspectRequest,
  LookRequest,
  LookResult,
  ShownInput,
} from './layers-protocol';
import type { Model } from './model';
import { nextTask } from './next-task';
import type { PageData } from './page-data';
import { toRgba } from './pixels';
import type { ModelRef, Progress } from './protocol';
import { imageSize, imagesToBytes, seedBatch } from './sampling';

export interface LayersServices {
  model(ref: ModelRef, hooks: LoadHooks): Promise<Model>;
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

interface Held {
  key: string;
  model: Model;
  denoiser: Denoiser;
  bytes: number;
}

/** Weights of networks that are looked at, on the back-end: a teacher and its student unless they are very large. */
const HELD_BYTES = 512 * 2 ** 20;
/** Between the images of neighbouring seeds: a set is often sorted by class. */
const IMAGE_STRIDE = 97;
/** Levels of the coarse first look. */
const COARSE_LEVELS = 6;

/**
 * The inside of networks, for the page. Holds denoisers of its own, which run op by op, so that every intermediate
 * value can be seen; gives the back-end away between evaluations.
 */
export class LayersSession {
  private held: Held[] = [];
  private device: object | null = null;
  /** Points of the sampler's way, by model and seed: looked at again while sigma is dragged. */
  private readonly paths = new Map<string, { sigma: number; x: Float64Array<ArrayBuffer> }[]>();

  constructor(private readonly services: LayersServices) {}

  async inspect(request: InspectRequest, hooks: InspectHooks): Promise<InspectOutcome> {
    for (;;) {
      const outcome = await this.measure(request, hooks);
      if (outcome !== 'device changed') return outcome; // else all of it again, on the new one
    }
  }

  async look(request: LookRequest, hooks: LookHooks): Promise<LookResult> {
    const { stopped } = hooks;
    if (stopped()) return { kind: 'superseded' };
    const model = await this.services.model(request.model, hooks);
    const batch = await this.batch(model, request.input, [request.seed]);
    return this.services.exclusively(async (device) => {
      if (stopped()) return { kind: 'superseded' };
      return this.lookAt(this.denoiser(device, request.model, model), request, batch);
    });
  }

  private async measure(
    request: InspectRequest,
    hooks: InspectHooks,
  ): Promise<InspectOutcome | 'device changed'> {
    const { services } = this;
    const { emit, stopped } = hooks;
    const model = await services.model(request.model, hooks);
    const student = request.student ? await services.model(request.student, hooks) : null;
    const { unet } = model.config;
    emit({ kind: 'rows', rows: inspectionRows(unet, request.parts), activeThreshold: ACTIVE_THRESHOLD });
    if (student) emit({ kind: 'weights', layers: weightChange(unet, model.weights, student.weights) });
    const batch = await this.batch(model, request.input, request.seeds);
    const { sigmas, quantities, parts, spectra } = request;
    const options: InspectOptions = { sigmas, quantities, parts, spectra, input: request.input.kind };

    let first: object | null = null;
    /** One step at a time, each in its turn on the back-end. */
    const drain = async <S>(
      make: (of: { model: Denoiser; student: Denoiser | null }) => AsyncGenerator<S, void>,
      onStep: (step: S) => void,
    ): Promise<InspectOutcome | 'device changed'> => {
      let steps: AsyncGenerator<S, void> | null = null;
      for (;;) {
        await nextTask();
        const turn = await services.exclusively(async (device) => {
          if (stopped()) return 'superseded' as const;
          first ??= device;
          if (device !== first) return 'device changed' as const;
          steps ??= make({
            model: this.denoiser(device, request.model, model),
            student: student && this.denoiser(device, request.student!, student),
          });
          return steps.next();
        });
        if (typeof turn === 'string') {
          if (turn === 'superseded') await (steps as AsyncGenerator<S, void> | null)?.return();
          return turn;
        }
        if (turn.done) return 'complete';
        onStep(turn.value);
      }
    };
    const progress = (what: string, { done, total }: { done: number; total: number }) =>
      emit({ kind: 'progress', what, done, total });

    // A few levels of a few samples at once, so that there is something to look at.
    const coarse = coarseLevels(sigmas.length);
    const rough: InspectOptions = {
      ...options,
      sigmas: coarse.map((level) => sigmas[level]!),
      quantities: quantities.filter((q) => q !== 'change'),
      spectra: 0,
    };
    const few = firstSamples(batch, 2, model.config);
    const looked = await drain(
      (of) => sweep(of.model, few, rough),
      ({ samples }) => emit({ kind: 'coarse', samples: { ...samples, level: coarse[samples.level]! } }),
    );
    if (looked !== 'complete') return looked;
    if (student) {
      const own: InspectOptions = { ...options, sigmas: [STUDENT_SIGMA], input: 'noise', spectra };
      const outcome = await drain(
        (of) => sweep(of.student!, { latents: batch.latents, classes: batch.classes }, own),
        ({ samples }) => emit({ kind: 'student', samples }),
      );
      if (outcome !== 'complete') return outcome;
    }
    const outcome = await drain(
      (of) => sweep(of.model, batch, options),
      (step) => {
        emit({ kind: 'samples', samples: step.samples });
        progress('Measuring', step);
      },
    );
    if (outcome !== 'complete' || !student || request.examples === 0) return outcome;
    const examples = seedBatch(model.config, [...Array(request.examples).keys()], null);
    return drain(
      (of) => compareBlocks(of.model, of.student!, examples, sigmas),
      (step) => {
        if (step.likeness) emit({ kind: 'likeness', likeness: step.likeness });
        progress('Comparing', step);
      },
    );
  }

  private async lookAt(
    denoiser: Denoiser,
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
    denoiser.setGains(new Map(Object.entries(gains ?? {})));
    try {
      if (want === 'sampled') {
        const path = await this.samplerPath(denoiser, model, seed, batch, steps ?? 18);
        return await picture(Float32Array.from(path.at(-1)!.x));
      }
      const x =
        input.kind === 'trajectory'
          ? await this.onTrajectory(denoiser, model, seed, batch, sigma)
          : batch.latents.map((z, i) => z * sigma + (batch.images?.[i] ?? 0));
      // As the network sees it: scaled to the size of an image.
      if (want === 'input') return await picture(x.map((v) => v / Math.sqrt(1 + sigma ** 2)));
      if (want === 'denoised') return await picture(await denoiser.denoise(x, sigma, batch.classes));
      return await this.captureMaps(denoiser, x, sigma, batch.classes, row, started);
    } finally {
      denoiser.setGains(new Map());
    }
  }

  private async captureMaps(
    denoiser: Denoiser,
    x: Float32Array,
    sigma: number,
    classes: Int32Array | null,
    row: string | undefined,
    started: number,
  ): Promise<LookResult> {
    let shape: number[] = [];
    const { values } = await observe(denoiser, x, sigma, classes, {
      until: row!,
      see: (name, value, record) => {
        if (name !== row) return;
        shape = value.shape;
        record('maps', value);
      },
    });
    const maps = values.get('maps');
    if (!maps)
      throw new InnateError('bad-argument', 'this network has no such layer', { where: row ?? 'none' });
    const channels = shape.at(-1)!;
    const size = shape.length === 4 ? shape[1]! : 1;
    const planes = toNCHW(maps, 1, channels, size * size) as Float32Array<ArrayBuffer>;
    return { kind: 'maps', values: planes, channels, size, ms: performance.now() - started };
  }

  /** The input at `sigma` on the sampler's way: from the last point above it along the straight line that it takes. */
  private async onTrajectory(
    denoiser: Denoiser,
    ref: ModelRef,
    seed: number,
    batch: InspectBatch,
    sigma: number,
  ): Promise<Float32Array> {
    const path = await this.samplerPath(denoiser, ref, seed, batch, 18);
    const after = path.findIndex((p) => p.sigma < sigma);
    const [high, low] = [path[Math.max(0, after - 1)]!, path[Math.max(1, after)]!];
    const t = Math.min(1, Math.max(0, (high.sigma - sigma) / (high.sigma - low.sigma)));
    return Float32Array.from(high.x, (v, i) => v + t * (low.x[i]! - v));
  }

  private async samplerPath(
    denoiser: Denoiser,
    ref: ModelRef,
    seed: number,
    { latents, classes }: InspectBatch,
    steps: number,
  ): Promise<{ sigma: number; x: Float64Array<ArrayBuffer> }[]> {
    const key = `${modelKey(ref)} ${seed} ${classes?.[0]} ${steps}`;
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
    // The same seed always has the same image.
    const places = seeds.map((seed) => (Math.floor(seed) * IMAGE_STRIDE) % data.size);
    const real = await withRealImages(batch, data, config, places);
    return classIndex === null ? real : { ...real, classes: batch.classes };
  }

  private denoiser(device: object, ref: ModelRef, model: Model): Denoiser {
    if (device !== this.device) {
      this.held = []; // gone with their device
      this.device = device;
    }
    const key = modelKey(ref);
    const found = this.held.find((h) => h.key === key && h.model.weights === model.weights);
    if (found) return found.denoiser;
    const bytes = 4 * parameterCount(model.config.unet);
    while (this.held.length > 0 && this.held.reduce((sum, h) => sum + h.bytes, bytes) > HELD_BYTES)
      this.held.shift()!.denoiser.dispose();
    const denoiser = Denoiser.open(model.config, model.weights);
    this.held.push({ key, model, denoiser, bytes });
    return denoiser;
  }
}

const modelKey = (ref: ModelRef): string => (ref.kind === 'catalogue' ? ref.id : ref.key);

/** About six levels with both ends. */
function coarseLevels(levels: number): number[] {
  const count = Math.min(levels, COARSE_LEVELS);
  return Array.from({ length: count }, (_, i) => Math.round((i * (levels - 1)) / Math.max(1, count - 1)));
}

function firstSamples(batch: InspectBatch, most: number, config: NetworkConfig): InspectBatch {
  const values = most * imageSize(config);
  return {
    latents: batch.latents.subarray(0, values),
    classes: batch.classes?.subarray(0, most) ?? null,
    ...(batch.images && { images: batch.images.subarray(0, values) }),
  };
}
