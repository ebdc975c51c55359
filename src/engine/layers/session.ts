import { readyTensors } from '../../gpu/backends';
import { asInnateError, InnateError } from '../../lib/errors';
import { RecentMap } from '../../lib/recent-map';
import { toNCHW } from '../../nn/denoiser';
import { imagePower } from '../../nn/inspection/block-watch';
import { type CapturedMaps, PlannedDenoiser } from '../../nn/plan/planned-denoiser';
import { observe } from '../../nn/tf/observe';
import type {
  InspectEvent,
  InspectOutcome,
  InspectRequest,
  LookRequest,
  LookResult,
  ShownInput,
} from '../../protocol/layers';
import type { ModelRef } from '../../protocol/models';
import { nextTask } from '../inference/next-task';
import type { AnyDenoiser } from '../inference/open-denoiser';
import { imagesToRgba } from '../inference/pixels';
import { seedBatch } from '../inference/sampling';
import type { Model } from '../models/model';
import type { PageData } from '../models/page-data';
import type { CallHooks } from '../services';
import { withRealImages } from './data';
import { HeldNetworks } from './held-networks';
import type { InspectBatch } from './inspect';
import { MapMeasurement, type MeasureServices } from './measure';
import { type PathPoint, type PathTurn, pointAt, SamplerPaths } from './path';
import { Precedence } from './precedence';

export interface LayersServices {
  model(ref: ModelRef, hooks: CallHooks): Promise<Model>;
  /** Opened on the back-end's fastest path; only while the back-end is free. */
  network(model: Model): Promise<AnyDenoiser>;
  /** One that somebody else holds and that may be used for a turn, if there is one. */
  shared(model: Model): AnyDenoiser | null;
  data: PageData;
  /** Runs a task when the back-end is free, with failures of the device dealt with; `device` changes with it. */
  exclusively<T>(task: (device: object) => Promise<T>): Promise<T>;
}

export interface LookHooks extends CallHooks {
  /** A newer request waits, or this one was cancelled. */
  stopped: () => boolean;
}

export interface InspectHooks extends LookHooks {
  emit: (event: InspectEvent) => void;
}

/** Networks that are looked at, on the back-end: a teacher and its student unless they are very large. */
const HELD_BYTES = 512 * 2 ** 20;
/** What was shown to networks last, and is at hand. */
const BATCHES = 8;
/** Steps of the sampler's way that is followed. */
const SAMPLER_STEPS = 18;

/**
 * The inside of networks, for the page. Uses the network that makes the images, or holds some of its own, on their
 * plans, which give feature maps, ablations and root mean squares; measures the other quantities op by op, with
 * networks that are there only meanwhile. Gives the back-end away between evaluations, and to looks first.
 */
export class LayersSession {
  private readonly networks: HeldNetworks;
  private readonly paths = new SamplerPaths();
  private readonly batches = new RecentMap<string, Promise<InspectBatch>>(BATCHES);
  private readonly precedence = new Precedence();

  constructor(private readonly services: LayersServices) {
    this.networks = new HeldNetworks(services, HELD_BYTES);
  }

  /** Bytes held beside what TensorFlow.js counts. */
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
      precedence: this.precedence,
      guarded: (denoiser, step) => this.unlessBroken(denoiser, step),
      planned: (device, model) => this.networks.get(device, model),
    };
  }

  look(request: LookRequest, hooks: LookHooks): Promise<LookResult> {
    return this.precedence.ahead(async () => {
      const { stopped } = hooks;
      if (stopped()) return SUPERSEDED;
      const model = await this.services.model(request.model, hooks);
      const batch = await this.batch(model, request.input, [request.seed]);
      const turn: PathTurn = async (task) => {
        await nextTask();
        return this.services.exclusively(async (device) => {
          if (stopped()) return null;
          const denoiser = await this.networks.get(device, model);
          return this.unlessBroken(denoiser, () => task(denoiser));
        });
      };
      const x = await this.shownTo(request, batch, turn);
      if (!x) return SUPERSEDED;
      const result = await turn((denoiser) => lookAt(denoiser, request, x, batch.classes));
      return result ?? SUPERSEDED;
    });
  }

  /** What the network is shown, or the image where the sampler's is wanted; null where nobody wants it any more. */
  private async shownTo(request: LookRequest, batch: InspectBatch, turn: PathTurn) {
    const { want, sigma, input } = request;
    if (want !== 'sampled' && input.kind !== 'trajectory')
      return batch.latents.map((z, i) => z * sigma + (batch.images?.[i] ?? 0));
    const path = await this.follow(request, batch, turn);
    return path && pointAt(path, want === 'sampled' ? 0 : sigma);
  }

  /** The sampler's own way, whatever is silenced in the network at its end. */
  private follow(
    { model, seed, steps = SAMPLER_STEPS }: LookRequest,
    batch: InspectBatch,
    turn: PathTurn,
  ): Promise<readonly PathPoint[] | null> {
    const key = `${modelKey(model)} ${seed} ${batch.classes?.[0]}`;
    return this.paths.follow(key, batch, steps, turn);
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

  /** What seeds show to a network. The last ones are kept: a hand that drags sigma asks for one of them each time. */
  private batch(model: Model, input: ShownInput, seeds: readonly number[]): Promise<InspectBatch> {
    if (input.data && input.data.kind !== 'pack') return this.makeBatch(model, input, seeds);
    const { unet } = model.config;
    const key = JSON.stringify([input, seeds, unet.inChannels, unet.imgResolution, unet.labelDim]);
    const known = this.batches.get(key);
    if (known) return known;
    const made = this.makeBatch(model, input, seeds);
    this.batches.set(key, made);
    made.catch(() => this.batches.delete(key)); // may be tried again
    return made;
  }

  private async makeBatch(
    { config }: Model,
    input: ShownInput,
    seeds: readonly number[],
  ): Promise<InspectBatch> {
    const classIndex =
      input.classIndex !== null && input.classIndex < config.unet.labelDim ? input.classIndex : null;
    const batch = seedBatch(config, seeds, classIndex);
    if (input.kind !== 'noised' || !input.data) return batch;
    const data = await this.services.data.open(input.data, config, () => {});
    const real = await withRealImages(batch, data, config, seeds);
    return classIndex === null ? real : { ...real, classes: batch.classes };
  }
}

const SUPERSEDED: LookResult = { kind: 'superseded' };

const modelKey = (ref: ModelRef): string => (ref.kind === 'catalogue' ? ref.id : ref.key);

/** One look on a network that is shown `x` [1, C, R, R] flat. */
async function lookAt(
  denoiser: AnyDenoiser,
  { want, sigma, row, gains }: LookRequest,
  x: Float32Array,
  classes: Int32Array | null,
): Promise<LookResult> {
  const started = performance.now();
  const { unet } = denoiser.config;
  const picture = async (values: Float32Array): Promise<LookResult> => {
    await readyTensors();
    return {
      kind: 'picture',
      pixels: imagesToRgba(values, unet.outChannels, unet.imgResolution),
      resolution: unet.imgResolution,
      spectrum: Array.from(await imagePower(values, unet.outChannels, unet.imgResolution)),
      ms: performance.now() - started,
    };
  };
  if (want === 'sampled') return picture(x);
  // As the network sees it: scaled to the size of an image.
  if (want === 'input') return picture(x.map((v) => v / Math.sqrt(1 + sigma ** 2)));
  denoiser.setGains(new Map(Object.entries(gains ?? {})));
  try {
    if (want === 'denoised') return await picture(await denoiser.denoise(x, sigma, classes));
    const { values, channels, size } = await captureMaps(denoiser, x, sigma, classes, row ?? '');
    const planes = toNCHW(values, 1, channels, size * size) as Float32Array<ArrayBuffer>;
    return { kind: 'maps', values: planes, channels, size, ms: performance.now() - started };
  } finally {
    denoiser.setGains(new Map());
  }
}

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
  await readyTensors();
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
