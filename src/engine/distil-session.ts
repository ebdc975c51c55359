import { fitMicroBatch } from '../distil/config';
import { trainedBy } from '../distil/freeze';
import { asInnateError } from '../lib/errors';
import { Denoiser } from '../nn/denoiser';
import { parameterSpecs } from '../nn/parameters';
import { defaultSampling } from '../nn/samplers';
import type { WeightSource } from '../nn/weights';
import type {
  DistilAction,
  DistilEvent,
  DistilPhase,
  DistilPlan,
  DistilRequest,
  DistilResult,
} from './distil-protocol';
import { DistilRun, measureModel } from './distil-run';
import { measureNetwork } from './feature-networks';
import { FrechetMeasure } from './measure';
import type { Model } from './model';
import { nextTask } from './next-task';
import type { PageData } from './page-data';
import { toRgba } from './pixels';
import type { ModelInfo } from './protocol';
import { imagesToBytes, sampleImages, seedBatch } from './sampling';

export interface DistilServices {
  data: PageData;
  /** "wasm (1 thread)" */
  backend: string;
  model(ref: DistilRequest['teacher']): Promise<Model>;
  /** Puts the finished student among the opened models. */
  keep(model: Model, images: number, teacher: DistilRequest['teacher']): ModelInfo;
  /** Runs `task` when the back-end is free: generation goes on between the steps of a run. */
  exclusively<T>(task: () => Promise<T>): Promise<T>;
  emit(event: DistilEvent): void;
}

/** One distillation in the worker, step by step, with pause, single steps and stop. */
export class DistilSession {
  private phase: DistilPhase = 'preparing';
  private wake: () => void = () => {};
  private steps = 0;

  constructor(
    private readonly request: DistilRequest,
    private readonly services: DistilServices,
  ) {}

  control(action: DistilAction): void {
    if (action === 'stop') this.enter('stopped');
    else if (action === 'pause' && this.phase === 'running') this.enter('paused');
    else if (action === 'resume' && this.phase === 'paused') this.enter('running');
    else if (action === 'step' && this.phase === 'paused') this.steps++;
    this.wake();
  }

  async run(): Promise<DistilResult> {
    const { services } = this;
    this.enter('preparing');
    let run: DistilRun | null = null;
    let teacher: Model | null = null;
    try {
      teacher = await services.model(this.request.teacher);
      run = await services.exclusively(() => this.prepare(teacher!));
      if (this.phase === 'preparing') this.enter('running');
      await this.loop(run, teacher);
      const ended = run.finished ? 'finished' : 'stopped';
      const student = run.trainer.images > 0 ? await this.finish(run, teacher) : null;
      this.enter(ended);
      return { phase: ended, images: run.trainer.images, student };
    } catch (error) {
      const known = asInnateError(error, 'backend');
      this.enter('failed', known.describe());
      throw known;
    } finally {
      run?.dispose();
    }
  }

  private async loop(run: DistilRun, teacher: Model): Promise<void> {
    const { request, services } = this;
    while (!run.finished && this.phase !== 'stopped') {
      await nextTask(); // pause, stop and requests for images are waiting
      if (this.phase === 'paused') {
        if (this.steps === 0) {
          await new Promise<void>((resolve) => {
            this.wake = resolve;
          });
          continue;
        }
        this.steps--;
      }
      await services.exclusively(async () => {
        const point = await run.step();
        services.emit({ kind: 'point', point });
        if (point.iteration % request.sampleEvery === 0 || run.finished)
          await this.sample(teacher, await run.student(), point.images);
      });
    }
  }

  private async prepare(teacher: Model): Promise<DistilRun> {
    const { request, services } = this;
    const { measureImages } = request;
    const { unet } = teacher.config;
    const config = fitMicroBatch(request.config, unet.imgResolution, services.backend.split(' ')[0]!);
    const progress = (what: string) => (done: number, total: number) =>
      services.emit({ kind: 'preparing', what, done, total });
    const student = request.student ? await services.model(request.student) : undefined;
    const data = await services.data.open(request.data, teacher.config, progress('downloading images'));
    await this.sample(teacher, (student ?? teacher).weights, 0);
    const measure =
      measureImages > 0
        ? await FrechetMeasure.against(
            await measureNetwork(services.data.feature),
            data,
            measureImages,
            2000,
            progress('measuring real images'),
          )
        : undefined;
    const run = await DistilRun.start({
      teacher,
      ...(student && { student }),
      data,
      config,
      features: services.data.feature,
      backend: services.backend,
      ...(measure && { measure }),
      measureImages,
      measureEvery: request.measureEvery,
    });
    const oneStep = measure ? await measureModel(measure, teacher, teacher.weights, measureImages) : null;
    services.emit({
      kind: 'plan',
      plan: {
        ...layerPlan(teacher, config.method),
        dataImages: data.size,
        dataName: data.name,
        floor: measure?.floor.value ?? null,
        teacherOneStep: oneStep?.value ?? null,
      },
    });
    return run;
  }

  private async sample(teacher: Model, weights: WeightSource, images: number): Promise<void> {
    const { config } = teacher;
    const { imgResolution: resolution, outChannels: channels, labelDim } = config.unet;
    const seeds = this.request.sampleSeeds;
    const denoiser = Denoiser.open(config, weights);
    try {
      const batch = seedBatch(config, seeds, null);
      if (labelDim) batch.classes = Int32Array.from(seeds, (_, i) => i % labelDim); // every class is seen
      const made = await sampleImages(denoiser, batch, defaultSampling(resolution));
      const pixels = toRgba(imagesToBytes(made, channels, resolution), channels);
      this.services.emit({ kind: 'samples', images, pixels, resolution });
    } finally {
      denoiser.dispose();
    }
  }

  private async finish(run: DistilRun, teacher: Model): Promise<ModelInfo> {
    const weights = await run.student();
    const held = new Map([...weights.names()].map((name) => [name, weights.read(name)]));
    const model: Model = {
      config: teacher.config,
      weights: {
        names: () => held.keys(),
        shape: (name) => weights.shape(name),
        read: (name) => held.get(name)!,
      },
      notes: [`distilled here: ${this.request.config.method}, ${run.trainer.images} images`],
      metadata: new Map([
        ['method', this.request.config.method],
        ['images_seen', String(run.trainer.images)],
        ['distil_config', JSON.stringify(this.request.config)],
      ]),
    };
    return this.services.keep(model, run.trainer.images, this.request.teacher);
  }

  private enter(phase: DistilPhase, error: string | null = null): void {
    this.phase = phase;
    this.services.emit({ kind: 'phase', phase, error });
  }
}

/** Layers in order, with what the method trains of them. */
function layerPlan(
  { config }: Model,
  method: DistilRequest['config']['method'],
): Pick<DistilPlan, 'layers' | 'parameters' | 'trainedParameters'> {
  const trains = trainedBy(method, config.unet);
  const layers = new Map<string, DistilPlan['layers'][number]>();
  for (const { name, shape, buffer, optional } of parameterSpecs(config.unet)) {
    if (buffer || optional) continue;
    const layer = name.replace(/^model\./, '').replace(/\.[^.]+$/, '');
    const count = shape.reduce((a, b) => a * b, 1);
    const known = layers.get(layer);
    if (known) known.parameters += count;
    else layers.set(layer, { name: layer, trains: trains(name), parameters: count });
  }
  const all = [...layers.values()];
  const sum = (of: typeof all) => of.reduce((n, l) => n + l.parameters, 0);
  return { layers: all, parameters: sum(all), trainedParameters: sum(all.filter((l) => l.trains)) };
}
