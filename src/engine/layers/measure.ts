import { readyTensors } from '../../gpu/backends';
import type { NetworkConfig } from '../../nn/config';
import { Denoiser } from '../../nn/denoiser';
import { ACTIVE_THRESHOLD } from '../../nn/inspection/block-watch';
import { inspectionRows } from '../../nn/inspection/rows';
import { PlannedDenoiser } from '../../nn/plan/planned-denoiser';
import type { InspectEvent, InspectRequest } from '../../protocol/layers';
import { type AnyDenoiser, residentBytes } from '../inference/open-denoiser';
import { imageSize, seedBatch } from '../inference/sampling';
import type { Model } from '../models/model';
import { compareBlocks, weightChange } from './compare';
import { type InspectBatch, type InspectOptions, type InspectWish, measuredByPlan, sweep } from './inspect';
import { type Drained, type TurnServices, Turns } from './turns';

/** Levels and samples of the coarse first look. */
const COARSE_LEVELS = 6;
const COARSE_SAMPLES = 2;
/** A step is about this long at most where the device is slow: looks wait for its end. */
const STEP_MS = 500;
/** How much longer all quantities take op by op than one evaluation on the plan. */
const OP_BY_OP = 4;

export interface MeasureServices extends TurnServices {
  /** The network on its fastest path, which gives root mean squares of blocks. */
  planned(device: object, model: Model): Promise<AnyDenoiser>;
  emit(event: InspectEvent): void;
}

/**
 * The map of one network over noise levels, with its student beside it: root mean squares on the network's plan, the
 * other quantities op by op, with networks that are here only meanwhile.
 */
export class MapMeasurement {
  private readonly eager = new Map<Model, Denoiser>();
  private readonly turns: Turns;

  constructor(
    private readonly services: MeasureServices,
    private readonly model: Model,
    private readonly student: Model | null,
    private readonly request: InspectRequest,
  ) {
    this.turns = new Turns(services);
  }

  /** Measures all of it on one device; the events say what there is. Whoever calls this disposes of it afterwards. */
  async run(batch: InspectBatch): Promise<Drained> {
    const stages = [
      () => this.coarse(batch),
      () => this.ownLevel(batch),
      () => this.whole(batch),
      () => this.compare(),
    ];
    for (const stage of stages) {
      const outcome = await stage();
      if (outcome !== 'complete') return outcome;
    }
    return 'complete';
  }

  dispose(): void {
    for (const denoiser of this.eager.values()) denoiser.dispose();
    this.eager.clear();
  }

  /** What is known before anything is evaluated: the rows, and how far the student's weights have moved. */
  begin(): void {
    const { services, model, student, request } = this;
    const { unet } = model.config;
    const rows = inspectionRows(unet, request.parts);
    services.emit({ kind: 'rows', rows, activeThreshold: ACTIVE_THRESHOLD });
    this.progress('Measuring', { done: 0, total: 1 });
    if (student)
      services.emit({ kind: 'weights', layers: weightChange(unet, model.weights, student.weights) });
  }

  private get options(): InspectOptions {
    const { sigmas, quantities, parts, spectra, input } = this.request;
    return { sigmas, quantities, parts, spectra, input: input.kind };
  }

  /** How many images the device evaluates in the time of a step, judged by the coarse look. */
  private get samplesOfStep(): number {
    const each = (OP_BY_OP * this.turns.stepMs) / COARSE_SAMPLES;
    return Math.max(1, Math.floor(STEP_MS / each));
  }

  /** A few levels of a few samples at once, so that there is something to look at. */
  private coarse(batch: InspectBatch): Promise<Drained> {
    const { sigmas, first } = this.request;
    const levels = coarseLevels(sigmas.length);
    const rough: InspectOptions = {
      ...this.options,
      sigmas: levels.map((level) => sigmas[level]!),
      quantities: first.filter((q) => q !== 'change'),
      spectra: 0,
    };
    const few = firstSamples(batch, COARSE_SAMPLES, this.model.config);
    return this.turns.drain(
      (device) => this.network(device, this.model, rough),
      (denoiser) => sweep(denoiser, few, rough),
      ({ samples }) =>
        this.services.emit({ kind: 'coarse', samples: { ...samples, level: levels[samples.level]! } }),
    );
  }

  /** The student at its one level. */
  private async ownLevel({ latents, classes }: InspectBatch): Promise<Drained> {
    const { student } = this;
    if (!student) return 'complete';
    const own: InspectOptions = { ...this.options, sigmas: [this.start(student)], input: 'noise' };
    return this.turns.drain(
      (device) => this.network(device, student, own),
      (denoiser) => sweep(denoiser, { latents, classes }, own, this.samplesOfStep),
      ({ samples }) => this.services.emit({ kind: 'student', samples }),
    );
  }

  private whole(batch: InspectBatch): Promise<Drained> {
    return this.turns.drain(
      (device) => this.network(device, this.model, this.options),
      (denoiser) => sweep(denoiser, batch, this.options, this.samplesOfStep),
      (step) => {
        this.services.emit({ kind: 'samples', samples: step.samples });
        this.progress('Measuring', step);
      },
    );
  }

  private async compare(): Promise<Drained> {
    const { model, student } = this;
    const { examples, sigmas } = this.request;
    if (!student || examples === 0) return 'complete';
    const seeds = seedBatch(model.config, [...Array(examples).keys()], null);
    return this.turns.drain(
      async () => {
        await readyTensors();
        return this.opByOp(model);
      },
      () => compareBlocks(this.opByOp(model), this.opByOp(student), seeds, sigmas, this.start(student)),
      (step) => {
        if (step.likeness) this.services.emit({ kind: 'likeness', likeness: step.likeness });
        this.progress('Comparing', step);
      },
    );
  }

  /** The noise level at which the student starts, unless the request says another one. */
  private start(student: Model): number {
    return this.request.studentSigma ?? student.sigma;
  }

  private progress(what: string, { done, total }: { done: number; total: number }): void {
    this.services.emit({ kind: 'progress', what, done, total });
  }

  private async network(device: object, model: Model, wish: InspectWish): Promise<AnyDenoiser> {
    const planned = measuredByPlan(wish) ? await this.services.planned(device, model) : null;
    if (planned instanceof PlannedDenoiser) return planned;
    await readyTensors();
    return this.opByOp(model);
  }

  private opByOp(model: Model): Denoiser {
    const denoiser =
      this.eager.get(model) ??
      Denoiser.open(model.config, model.weights, { budgetBytes: residentBytes(model.config) });
    this.eager.set(model, denoiser);
    return denoiser;
  }
}

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
