import { fitMicroBatch } from '../distil/config';
import type { CurvePoint } from '../distil/state';
import type { StepKind } from '../distil/trainer';
import { asInnateError, InnateError } from '../lib/errors';
import type { WeightSource } from '../nn/weights';
import type {
  DistilAction,
  DistilEvent,
  DistilPhase,
  DistilPlan,
  DistilRequest,
  DistilResult,
  RunAbout,
} from './distil-protocol';
import { DistilRun } from './distil-run';
import { MEASURE_NAME } from './measure';
import type { Model } from './model';
import { nextTask } from './next-task';
import type { ModelInfo } from './protocol';
import { RunDistances } from './run-distances';
import { brokenStart, brokenStudent, Diverged, isOutOfMemory, smallerPart } from './run-errors';
import { RunFolder } from './run-folder';
import { withRunLock } from './run-lock';
import { layerPlan } from './run-plan';
import { newRecord, progressOf } from './run-record';
import { makeSamples } from './run-samples';
import { RunSaver } from './run-saver';
import { keepSources, openSources, type RunSources, reopenSources, type SourceServices } from './run-sources';
import { type SavedRun, savedStudent } from './run-state';
import { deltaPieces, studentMetadata, studentModel } from './run-student';
import type { ResumeRequest, RunEnd, RunRecord, WayBack } from './runs-protocol';
import { realVariance } from './spread';
import { recordOf } from './unsaved-runs';
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

  private sources!: RunSources;
  private record!: RunRecord;
  private saver!: RunSaver;
  private folder: RunFolder | null = null;
  /** null until it is built on the present device. */
  private current: DistilRun | null = null;
  /** Where a resumed run begins; then the newest save counts. */
  private from: SavedRun | null = null;
  /** That is not the newest save. */
  private rewinds = false;
  private epoch = -1;
  private distances!: RunDistances;
  private realVariance = 0;

  constructor(
    private readonly start: DistilRequest | ResumeRequest,
    private readonly services: DistilServices,
  ) {}

  control(action: DistilAction): void {
    if (action === 'stop') this.enter('stopped');
    else if (action === 'pause' && this.phase === 'running')
      this.phase = 'paused'; // told when it is at rest
    else if (action === 'resume' && this.phase === 'paused') this.enter('running');
    else if (action === 'save') this.saveAsked = true;
    else if (this.phase === 'paused')
      this.steps.push(action === 'step-g' ? 'generator' : action === 'step-d' ? 'discriminator' : 'both');
    this.wake();
  }

  /** Before the device is exchanged on purpose: saves, and lets go of it. */
  async leaveDevice(): Promise<void> {
    if (!this.current) return;
    await this.save();
    this.letGo();
    this.notice(
      'recovery',
      `The run goes on from ${this.record.images} images, on the back-end that was chosen.`,
    );
  }

  run(): Promise<DistilResult> {
    const id = 'resume' in this.start ? this.start.resume : this.start.about.id;
    return withRunLock(id, () => this.hold(id));
  }

  private async hold(id: string): Promise<DistilResult> {
    this.enter('preparing');
    try {
      await this.open(id);
      await this.loop();
      return await this.finish();
    } catch (error) {
      const known = asInnateError(error, 'backend');
      const wayBack = known instanceof Diverged && this.folder ? await wayBackOf(known, this.saver) : null;
      await this.end('failed', known.describe(), wayBack);
      this.enter('failed', known.describe(), wayBack);
      throw known;
    } finally {
      this.letGo();
    }
  }

  private async open(id: string): Promise<void> {
    const { services, start } = this;
    this.folder = await RunFolder.open(id);
    this.saver = new RunSaver(this.folder, services.emit);
    if ('resume' in start) await this.reopen(start);
    else {
      this.sources = await openSources(start, services, this.report);
      this.record = newRecord(start, services.backend());
      if (this.folder) this.record.kept = await keepSources(start, this.sources, this.folder, this.report);
    }
    this.realVariance = await realVariance(this.sources.data);
    this.distances = new RunDistances(
      this.sources,
      this.record.request.measureImages,
      services.data.feature,
      this.report('measuring real images'),
      (levels) => this.tell({ ...this.record.plan!, ...levels }),
    );
  }

  private async reopen(resume: ResumeRequest): Promise<void> {
    const { services, folder } = this;
    const [record, saved] = [folder && (await recordOf(folder)), await this.saver.load(resume.from)];
    if (!folder || !record)
      throw new InnateError('not-found', 'this run is not saved here', { where: resume.resume });
    if (resume.teacher) record.request.teacher = resume.teacher;
    this.record = record;
    this.sources = await reopenSources(record, folder, resume, services, this.report);
    record.config = { ...record.config, ...resume.changes };
    Object.assign(record, { end: 'open', error: null, wayBack: null });
    this.from = saved;
    this.rewinds = resume.from !== 'last';
    await this.saver.resume(record);
  }

  private async loop(): Promise<void> {
    for (;;) {
      await nextTask(); // pause, stop and requests for images are waiting
      if (this.phase === 'stopped' || (this.current?.finished && this.current.trainer.images > 0)) return;
      try {
        if (this.saveAsked || (this.phase === 'paused' && this.unsaved)) {
          await this.services.exclusively(() => this.save());
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
        await this.services.exclusively(() => this.turn(kind));
        this.failures = 0;
      } catch (error) {
        await this.survive(asInnateError(error, 'backend'));
      }
    }
  }

  /** One step and what is due after it. */
  private async turn(kind: StepKind): Promise<void> {
    const run = await this.ready();
    if (this.phase === 'stopped' || run.finished) return;
    const { emit } = this.services;
    const { request } = this.record;
    const best = run.best;
    this.unsaved = true;
    const point = await this.alive(run.step(kind));
    const sampled = point.iteration % request.sampleEvery === 0 || run.finished;
    if (sampled) await this.alive(this.sample(point));
    emit({ kind: 'point', point, memoryBytes: this.services.memory() });
    if (run.best !== best) await this.save('best');
    if (this.saver.due) await this.save();
  }

  /** The run on the present device: from its last save where it was on another one. */
  private async ready(): Promise<DistilRun> {
    const { services } = this;
    if (this.current && this.epoch === services.epoch()) return this.current;
    this.letGo();
    this.epoch = services.epoch();
    const saved = this.from ?? (await this.saver.load());
    this.current = await this.alive(this.build(saved));
    if (saved) {
      services.emit({ kind: 'rewound', iteration: saved.meta.iteration, images: saved.meta.images });
      await this.folder?.rewind(saved.meta.images);
    }
    // From now on the newest save is where the run is. One that it goes on from is not written again: the one before
    // stays, as a way further back.
    if (!saved || this.rewinds) await this.save();
    this.rewinds = false;
    this.from = null;
    this.unsaved = false;
    if (this.phase === 'preparing') this.enter('running');
    return this.current;
  }

  private async build(saved: SavedRun | null): Promise<DistilRun> {
    const { services, sources, record } = this;
    const { teacher, student, data } = sources;
    const backend = services.backend();
    const { measureImages, measureEvery, sampleSeeds } = record.request;
    const config = fitMicroBatch(record.config, teacher.config.unet.imgResolution, backend.split(' ')[0]!);
    Object.assign(record, { backend });
    if (!saved) {
      const from = (student ?? teacher).weights;
      const start = await makeSamples(teacher, from, sampleSeeds).catch(
        brokenStart(record.about.teacherName),
      );
      await this.showSamples(0, start.pixels, from);
    }
    const run = await DistilRun.start({
      teacher,
      ...(student && { student }),
      data,
      config,
      features: services.data.feature,
      backend,
      ...(measureImages > 0 && { measure: () => this.distances.on(services.epoch()) }),
      measureImages,
      measureEvery,
      ...(saved && { saved }),
    });
    const { floor = null, teacherOneStep = null, reference = null } = record.plan ?? {};
    this.tell({
      ...layerPlan(teacher, config.method),
      dataImages: data.size,
      dataName: data.name,
      floor,
      teacherOneStep,
      features: MEASURE_NAME,
      reference,
      microBatch: config.microBatch > 0 && config.microBatch < config.batch ? config.microBatch : null,
    });
    return run;
  }

  private tell(plan: DistilPlan): void {
    this.record.plan = plan;
    this.services.emit({ kind: 'plan', plan });
  }

  private async sample(point: CurvePoint): Promise<void> {
    const { teacher } = this.sources;
    const weights = await this.current!.student();
    const { sampleSeeds } = this.record.request;
    const made = await makeSamples(teacher, weights, sampleSeeds).catch(brokenStudent(point.iteration));
    if (this.realVariance > 0) point.sampleSpread = made.variance / this.realVariance;
    await this.showSamples(point.images, made.pixels, weights);
  }

  /** Samples and the student that made them: kept, so that any moment can be gone back to. */
  private async showSamples(
    images: number,
    pixels: Uint8ClampedArray<ArrayBuffer>,
    weights: WeightSource,
  ): Promise<void> {
    const { folder, record, services } = this;
    const { config, about } = record;
    const student = folder !== null && images > 0;
    let gone = 0;
    try {
      await folder?.saveSamples(images, pixels);
      if (student) {
        const metadata = studentMetadata(config, images, about);
        const pieces = deltaPieces(this.sources.teacher, weights, metadata, about.teacherKey);
        gone = await folder.saveStudent(images, pieces);
      }
    } catch {
      // No room: the save that follows says so, and frees what it can.
    }
    record.thinned += gone;
    services.emit({ kind: 'samples', images, pixels, resolution: about.resolution, student });
    if (folder && student) services.emit({ kind: 'students', images: await folder.studentMoments() });
  }

  private async save(which: 'last' | 'best' = 'last'): Promise<void> {
    const { current: run } = this;
    this.saveAsked = false;
    if (!run || this.epoch !== this.services.epoch()) {
      this.unsaved = false; // what was on another device is gone
      return;
    }
    const state = await this.alive(run.state());
    Object.assign(this.record, progressOf(run, state));
    await this.saver.save(state, this.record, which);
    if (which === 'last') this.unsaved = false;
  }

  /** After a failure of the machine: a device again, and the run from its last save. Throws on what it cannot mend. */
  private async survive(error: InnateError): Promise<void> {
    if (error instanceof Diverged || error.code !== 'backend') throw error;
    if (++this.failures > MOST_FAILURES) throw error;
    const { services, record, epoch } = this;
    const smaller = isOutOfMemory(error)
      ? smallerPart(this.current ? this.current.config : record.config)
      : null;
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
    const saved = await this.saver.load();
    const parts = smaller === null ? '' : `, in parts of ${smaller} images`;
    this.notice(
      'recovery',
      `${sentence(error.message)}. The run went back to its last save, at ${saved?.meta.images ?? 0} images, and goes on with ${services.backend()}${parts}.`,
    );
  }

  private async finish(): Promise<DistilResult> {
    const { services, record } = this;
    const phase = this.current?.finished ? 'finished' : 'stopped';
    const weights = await services.exclusively(() => this.lastStudent());
    const { images } = record;
    await this.end(phase, null);
    let student: ModelInfo | null = null;
    if (weights) {
      const model = studentModel(this.sources.teacher, weights, record.config, images);
      student = services.keep(model, images, record.about);
    } else if (images === 0 && this.folder) await RunFolder.remove(this.folder.id); // nothing was made
    this.enter(phase);
    return { phase, images, student };
  }

  /** Saved to the last step; where the device fails even now, the student of the last save. null = not one step. */
  private async lastStudent(): Promise<WeightSource | null> {
    const { teacher, student } = this.sources;
    try {
      await this.save();
      if (this.current && this.record.images > 0) return await this.alive(this.current.student());
    } catch (error) {
      if (asInnateError(error, 'backend').code !== 'backend') throw error;
    }
    const saved = this.record.images > 0 ? await this.saver.load() : null;
    return saved && savedStudent(saved, (student ?? teacher).weights);
  }

  private async end(end: RunEnd, error: string | null, wayBack: WayBack | null = null): Promise<void> {
    if (!this.record) return; // it could not even be opened
    Object.assign(this.record, { end, error, wayBack, updated: Date.now() } satisfies Partial<RunRecord>);
    await this.saver.describe(this.record);
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
    this.distances?.release(this.services.epoch());
  }

  private notice(topic: 'recovery' | 'memory', text: string): void {
    this.services.emit({ kind: 'notice', topic, text });
  }

  private enter(phase: DistilPhase, error: string | null = null, wayBack: WayBack | null = null): void {
    this.phase = phase;
    this.services.emit({ kind: 'phase', phase, error, wayBack });
  }
}

const sentence = (text: string): string => text[0]!.toUpperCase() + text.slice(1);
