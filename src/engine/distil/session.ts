import { fitMicroBatch } from '../../distil/config';
import type { CurvePoint } from '../../distil/curve';
import type { StepKind } from '../../distil/trainer';
import { asInnateError, InnateError, OutOfMemory } from '../../lib/errors';
import { counted, sentence } from '../../lib/words';
import type { WeightSource } from '../../nn/weights';
import type {
  DistilAction,
  DistilEvent,
  DistilPhase,
  DistilRequest,
  DistilResult,
  RunAbout,
  WayBack,
} from '../../protocol/distil';
import type { ModelInfo } from '../../protocol/models';
import type { ResumeRequest, RunEnd, RunRecord } from '../../protocol/runs';
import { nextTask } from '../inference/next-task';
import { MEASURE_NAME } from '../measure/frechet';
import type { Model } from '../models/model';
import { RunFolder } from '../runs/folder';
import { withRunLock } from '../runs/lock';
import type { SourceServices } from '../runs/sources';
import { type SavedRun, savedStudent } from '../runs/state';
import { deltaPieces, studentMetadata, studentModel } from '../runs/student';
import { brokenStart, brokenStudent, Diverged, smallerPart } from './errors';
import { layerPlan } from './layer-plan';
import { type OpenRun, openRun, tell } from './open-run';
import { progressOf } from './record';
import { DistilRun, type DistilRunOptions } from './run';
import { makeSamples } from './samples';
import { wayBackOf } from './way-back';

export interface DistilServices extends SourceServices {
  /** "wasm (1 thread)" */
  backend(): string;
  /** A number for each device: tensors of another one are gone. */
  epoch(): number;
  /** Rejects when the device fails. */
  failure(): Promise<never>;
  /** Sets up a device again after the one of that epoch failed; throws on where there is none left. */
  recover(error: InnateError, epoch: number): Promise<void>;
  /** Bytes that the back-end holds. */
  memory(): number;
  /** Puts the finished student among the opened models. */
  keep(model: Model, images: number, about: RunAbout): ModelInfo;
  /** Runs `task` when the back-end is free: generation goes on between the steps of a run. */
  exclusively<T>(task: () => Promise<T>): Promise<T>;
  emit(event: DistilEvent): void;
}

/** Failures in a row without a step in between after which a run gives up. */
const MOST_FAILURES = 4;

/** What a session computes with; a test has its own. */
export interface SessionParts {
  start: (options: DistilRunOptions) => Promise<DistilRun>;
  samples: typeof makeSamples;
}

const PARTS: SessionParts = { start: DistilRun.start, samples: makeSamples };

/**
 * One distillation in the worker, step by step, with pause, single steps and stop. It is saved on the way; a device
 * that fails or is exchanged costs what came after the last save.
 */
export class DistilSession {
  private phase: DistilPhase = 'preparing';
  private wake: () => void = () => {};
  private readonly steps: StepKind[] = [];
  private saveAsked = false;
  /** There are steps that no save has. */
  private unsaved = false;
  private failures = 0;
  /** On this device: it compiles what it needs, and is the slowest. */
  private firstStep = true;

  private opened: OpenRun | null = null;
  /** null until it is built on the present device. */
  private current: DistilRun | null = null;
  private epoch = -1;

  constructor(
    private readonly start: DistilRequest | ResumeRequest,
    private readonly services: DistilServices,
    private readonly parts: SessionParts = PARTS,
  ) {}

  /** Takes what a person asks for; what does not fit the phase (a second pause, a step of a running run) is nothing. */
  control(action: DistilAction): void {
    const paused = this.phase === 'paused';
    switch (action) {
      case 'stop':
        this.steps.length = 0;
        this.enter('stopped');
        break;
      case 'pause':
        if (this.phase === 'running') this.phase = 'paused'; // told when it is at rest
        break;
      case 'resume':
        this.steps.length = 0;
        if (paused) this.enter('running');
        break;
      case 'save':
        this.saveAsked = true;
        break;
      case 'step':
      case 'step-g':
      case 'step-d':
        if (paused) this.steps.push(STEPS[action]);
    }
    this.wake();
  }

  /** Before the device is exchanged on purpose: saves, and lets go of it. */
  async leaveDevice(): Promise<void> {
    if (!this.opened || !this.current) return;
    await this.save(this.opened);
    this.letGo();
    const { images } = this.opened.record;
    this.notice(
      'recovery',
      `The run goes on from ${counted(images, 'image')}, on the back-end that was chosen.`,
    );
  }

  run(): Promise<DistilResult> {
    const id = 'resume' in this.start ? this.start.resume : this.start.about.id;
    return withRunLock(id, () => this.hold(id));
  }

  private async hold(id: string): Promise<DistilResult> {
    this.enter('preparing');
    try {
      const open = await openRun(this.start, id, this.services, this.report);
      this.opened = open;
      await this.loop(open);
      return await this.finish(open);
    } catch (error) {
      const known = asInnateError(error, 'backend');
      const { opened } = this;
      const wayBack =
        known instanceof Diverged && opened?.folder ? await wayBackOf(known, opened.saver) : null;
      // A run that could not even be opened is left as it was saved.
      if (opened) await this.end(opened, 'failed', known.describe(), wayBack);
      this.enter('failed', known.describe(), wayBack);
      throw known;
    } finally {
      this.letGo();
    }
  }

  private async loop(open: OpenRun): Promise<void> {
    for (;;) {
      await nextTask(); // pause, stop and requests for images are waiting
      if (this.phase === 'stopped' || (this.current?.finished && this.current.trainer.images > 0)) return;
      try {
        if (this.saveAsked || (this.phase === 'paused' && this.unsaved)) {
          await this.services.exclusively(() => this.save(open));
          continue; // what was asked for meanwhile comes first
        }
        if (this.phase === 'paused' && this.steps.length === 0) {
          this.enter('paused');
          await new Promise<void>((resolve) => {
            this.wake = resolve;
          });
          continue;
        }
        const kind = this.phase === 'paused' ? this.steps.shift()! : 'both';
        await this.services.exclusively(() => this.turn(open, kind));
        this.failures = 0;
      } catch (error) {
        await this.survive(open, asInnateError(error, 'backend'));
      }
    }
  }

  /** One step and what is due after it. */
  private async turn(open: OpenRun, kind: StepKind): Promise<void> {
    const run = await this.ready(open);
    if (this.phase === 'stopped' || run.finished) return;
    const { emit } = this.services;
    const { request } = open.record;
    const best = run.best;
    this.unsaved = true;
    const point = await this.alive(run.step(kind));
    this.firstStep = false;
    const sampled = point.iteration % request.sampleEvery === 0 || run.finished;
    if (sampled) await this.alive(this.sample(open, run, point));
    emit({ kind: 'point', point, memoryBytes: this.services.memory(), peakBytes: run.peakBytes });
    if (run.best !== best) await this.save(open, 'best');
    if (open.saver.due) await this.save(open);
  }

  /** The run on the present device: from its last save where it was on another one. */
  private async ready(open: OpenRun): Promise<DistilRun> {
    const { services } = this;
    if (this.current && this.epoch === services.epoch()) return this.current;
    this.letGo();
    this.firstStep = true;
    this.epoch = services.epoch();
    const saved = open.from ?? (await open.saver.load());
    this.current = await this.alive(this.build(open, saved));
    if (saved) {
      services.emit({ kind: 'rewound', iteration: saved.meta.iteration, images: saved.meta.images });
      await open.folder?.rewind(saved.meta.images);
    }
    // From now on the newest save is where the run is. One that it goes on from is not written again: the one before
    // stays, as a way further back.
    if (!saved || open.rewinds) await this.save(open);
    open.rewinds = false;
    open.from = null;
    this.unsaved = false;
    if (this.phase === 'preparing') this.enter('running');
    return this.current;
  }

  private async build(open: OpenRun, saved: SavedRun | null): Promise<DistilRun> {
    const { services, parts } = this;
    const { record, distances } = open;
    const { teacher, student, data } = open.sources;
    const backend = services.backend();
    const { measureImages, measureEvery, sampleSeeds } = record.request;
    const config = fitMicroBatch(record.config, teacher.config.unet.imgResolution, backend.split(' ')[0]!);
    Object.assign(record, { backend });
    if (!saved) {
      this.report('making the first samples')(0, 0);
      const from = (student ?? teacher).weights;
      const start = await parts
        .samples(teacher, from, sampleSeeds, config.startSigma)
        .catch(brokenStart(record.about.teacherName));
      await this.showSamples(open, 0, start.pixels, from);
    }
    this.report('preparing the networks')(0, 0);
    const first = backend.startsWith('webgpu') ? 'first step, shaders compile' : 'first step';
    const run = await parts.start({
      teacher,
      ...(student && { student }),
      data,
      config,
      features: services.data.feature,
      backend,
      ...(measureImages > 0 && { measure: () => distances.on(services.epoch()) }),
      measureImages,
      measureEvery,
      onStage: (what, done, total) => this.firstStep && this.report(`${first}: ${what}`)(done, total),
      ...(saved && { saved }),
    });
    const { floor = null, teacherOneStep = null, reference = null } = record.plan ?? {};
    const plan = {
      ...layerPlan(teacher, config.method),
      dataImages: data.size,
      dataName: data.name,
      floor,
      teacherOneStep,
      features: MEASURE_NAME,
      reference,
      microBatch: config.microBatch > 0 && config.microBatch < config.batch ? config.microBatch : null,
    };
    tell(record, plan, services);
    return run;
  }

  private async sample(open: OpenRun, run: DistilRun, point: CurvePoint): Promise<void> {
    const started = performance.now();
    const weights = await run.student();
    const { request, config } = open.record;
    const made = await this.parts
      .samples(open.sources.teacher, weights, request.sampleSeeds, config.startSigma)
      .catch(brokenStudent(point.iteration));
    if (open.realVariance > 0) point.sampleSpread = made.variance / open.realVariance;
    await this.showSamples(open, point.images, made.pixels, weights);
    point.sampleSeconds = (performance.now() - started) / 1000;
  }

  /** Samples and the student that made them: kept, so that any moment can be gone back to. */
  private async showSamples(
    { folder, record, sources }: OpenRun,
    images: number,
    pixels: Uint8ClampedArray<ArrayBuffer>,
    weights: WeightSource,
  ): Promise<void> {
    const { services } = this;
    const { config, about } = record;
    const student = folder !== null && images > 0;
    let gone = 0;
    try {
      await folder?.saveSamples(images, pixels);
      if (student) {
        const metadata = studentMetadata(config, images, about);
        const pieces = deltaPieces(sources.teacher, weights, metadata, about.teacherKey);
        gone = await folder.saveStudent(images, pieces);
      }
    } catch {
      // No room: the save that follows says so, and frees what it can.
    }
    record.thinned += gone;
    services.emit({ kind: 'samples', images, pixels, resolution: about.resolution, student });
    if (folder && student) services.emit({ kind: 'students', images: await folder.studentMoments() });
  }

  /** Saves the run where it is. Only a 'last' is what a person asks for: a 'best' is kept beside it. */
  private async save(open: OpenRun, which: 'last' | 'best' = 'last'): Promise<void> {
    const { current: run } = this;
    // What is asked for from here on is asked for after this state.
    if (which === 'last') this.saveAsked = false;
    if (!run || this.epoch !== this.services.epoch()) {
      this.unsaved = false; // what was on another device is gone
      return;
    }
    const state = await this.alive(run.state());
    Object.assign(open.record, progressOf(run, state));
    await open.saver.save(state, open.record, which);
    if (which === 'last') this.unsaved = false;
  }

  /** After a failure of the machine: a device again, and the run from its last save. Throws on what it cannot mend. */
  private async survive({ record, saver }: OpenRun, error: InnateError): Promise<void> {
    if (error instanceof Diverged || error.code !== 'backend') throw error;
    if (++this.failures > MOST_FAILURES) throw error;
    const { services, epoch } = this;
    const smaller =
      error instanceof OutOfMemory ? smallerPart(this.current ? this.current.config : record.config) : null;
    if (smaller !== null) record.config = { ...record.config, microBatch: smaller };
    try {
      await services.exclusively(() => services.recover(error, epoch));
    } catch (failed) {
      const known = asInnateError(failed, 'backend');
      throw new InnateError(known.code, known.message, {
        ...known.detail,
        hint: `Reload the page and resume the run${smaller === null ? '' : `: it then takes its batch in parts of ${smaller}`}`,
      });
    }
    this.letGo();
    const saved = await saver.load();
    const parts = smaller === null ? '' : `, in parts of ${counted(smaller, 'image')}`;
    this.notice(
      'recovery',
      `${sentence(error.message)}. The run went back to its last save, at ${counted(saved?.meta.images ?? 0, 'image')}, and goes on with ${services.backend()}${parts}.`,
    );
  }

  private async finish(open: OpenRun): Promise<DistilResult> {
    const { services } = this;
    const { record, folder, sources } = open;
    const phase = this.current?.finished ? 'finished' : 'stopped';
    const weights = await services.exclusively(() => this.lastStudent(open));
    const { images } = record;
    await this.end(open, phase, null);
    let student: ModelInfo | null = null;
    if (weights) {
      const model = studentModel(sources.teacher, weights, record.config, images);
      student = services.keep(model, images, record.about);
    } else if (images === 0 && folder) await RunFolder.remove(folder.id); // nothing was made
    this.enter(phase);
    return { phase, images, student };
  }

  /** Saved to the last step; where the device fails even now, the student of the last save. null = not one step. */
  private async lastStudent(open: OpenRun): Promise<WeightSource | null> {
    const { teacher, student } = open.sources;
    try {
      await this.save(open);
      if (this.current && open.record.images > 0) return await this.alive(this.current.student());
    } catch (error) {
      if (asInnateError(error, 'backend').code !== 'backend') throw error;
    }
    const saved = open.record.images > 0 ? await open.saver.load() : null;
    if (!saved) return null;
    const { iteration, images } = saved.meta;
    Object.assign(open.record, { iteration, images }); // what came after it is gone
    return images > 0 ? savedStudent(saved, (student ?? teacher).weights) : null;
  }

  private async end(
    { record, saver }: OpenRun,
    end: RunEnd,
    error: string | null,
    wayBack: WayBack | null = null,
  ): Promise<void> {
    Object.assign(record, { end, error, wayBack, updated: Date.now() } satisfies Partial<RunRecord>);
    await saver.describe(record);
  }

  private readonly report = (what: string) => (done: number, total: number) =>
    this.services.emit({ kind: 'preparing', what, done, total });

  /** The result of work on the device, or its failure. */
  private alive<T>(work: Promise<T>): Promise<T> {
    return Promise.race([work, this.services.failure()]);
  }

  private letGo(): void {
    try {
      this.current?.dispose();
    } catch {
      // A lost device may fail to free what is gone anyway.
    }
    this.current = null;
    this.opened?.distances.release(this.services.epoch());
  }

  private notice(topic: 'recovery' | 'memory', text: string): void {
    this.services.emit({ kind: 'notice', topic, text });
  }

  private enter(phase: DistilPhase, error: string | null = null, wayBack: WayBack | null = null): void {
    this.phase = phase;
    this.services.emit({ kind: 'phase', phase, error, wayBack });
  }
}

const STEPS: Record<'step' | 'step-g' | 'step-d', StepKind> = {
  step: 'both',
  'step-g': 'generator',
  'step-d': 'discriminator',
};
