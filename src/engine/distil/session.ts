import { fitMicroBatch } from '../../distil/batch-memory';
import { type DistilConfig, studentSampling } from '../../distil/config';
import type { CurvePoint } from '../../distil/curve';
import { executorLine, type StepKind } from '../../distil/executor';
import { asInnateError, InnateError, OutOfMemory } from '../../lib/errors';
import { backendLine, counted, sentence } from '../../lib/words';
import type { WeightSource } from '../../nn/weights';
import type {
  DistilAction,
  DistilPhase,
  DistilPlan,
  DistilRequest,
  DistilResult,
  WayBack,
} from '../../protocol/distil';
import type { ModelInfo } from '../../protocol/models';
import type { ResumeRequest, RunEnd, RunRecord } from '../../protocol/runs';
import { nextTask } from '../inference/next-task';
import { RunFolder } from '../runs/folder';
import { runLocks } from '../runs/locks';
import { type SavedRun, savedStudent } from '../runs/state';
import { asStudent, studentModel } from '../runs/student';
import { brokenStart, brokenStudent, Diverged, smallerPart } from './errors';
import { keepMoment } from './moments';
import { type OpenRun, openRun } from './open-run';
import { planOf } from './plan';
import { progressOf } from './record';
import { DistilRun, type DistilRunOptions } from './run';
import { makeSamples } from './samples';
import type { DistilServices } from './services';
import { wayBackOf } from './way-back';

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
  /** Whether the next step is the first on this device: it compiles what it needs, and is the slowest. */
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
    return runLocks.hold(id, () => this.hold(id));
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
        const kind = this.phase === 'paused' ? this.steps.shift() : 'both';
        if (kind === undefined) {
          this.enter('paused');
          await new Promise<void>((resolve) => {
            this.wake = resolve;
          });
          continue;
        }
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
    emit({
      kind: 'point',
      point,
      memoryBytes: this.services.memory() + run.bytes,
      peakBytes: run.peakBytes,
    });
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

  /** What the run is built with on the present back-end. */
  private fitted({ record, sources }: OpenRun): DistilConfig {
    const { imgResolution } = sources.teacher.config.unet;
    return fitMicroBatch(record.config, imgResolution, this.services.backend().name);
  }

  private async build(open: OpenRun, saved: SavedRun | null): Promise<DistilRun> {
    const { services, parts } = this;
    const { record, distances } = open;
    const { teacher, student, data, secondFeatures, classTable } = open.sources;
    const backend = services.backend();
    const { measureImages, measureEvery, sampleSeeds } = record.request;
    const config = this.fitted(open);
    record.backend = backendLine(backend);
    if (!saved) {
      this.report('making the first samples')(0, 0);
      const from = (student ?? teacher).weights;
      const start = await parts
        .samples(teacher, from, sampleSeeds, studentSampling(config))
        .catch(brokenStart(record.about.teacherName));
      await keepMoment(open, { images: 0, pixels: start.pixels, weights: from }, services.emit);
    }
    this.report('preparing the networks')(0, 0);
    const first = backend.name === 'webgpu' ? 'first step, shaders compile' : 'first step';
    const plan = planOf(teacher, data, config, record.plan);
    const tell = (levels: Partial<DistilPlan> = {}) => {
      record.plan = { ...plan, ...levels };
      services.emit({ kind: 'plan', plan: record.plan });
    };
    const run = await parts.start({
      teacher,
      ...(student && { student }),
      data,
      config,
      features: services.data.feature,
      ...(secondFeatures && { secondFeatures }),
      ...(classTable && { classTable }),
      backend: record.backend,
      ...(measureImages > 0 && { measure: () => distances.on(services.epoch(), tell) }),
      measureImages,
      measureEvery,
      recordedSteps: services.recordedSteps(),
      onStage: (what, done, total) => this.firstStep && this.report(`${first}: ${what}`)(done, total),
      ...(saved && { saved }),
    });
    Object.assign(plan, { executor: executorLine(run.facts) });
    tell();
    return run;
  }

  private async sample(open: OpenRun, run: DistilRun, point: CurvePoint): Promise<void> {
    const started = performance.now();
    const weights = await run.student();
    const { request, config } = open.record;
    const made = await this.parts
      .samples(asStudent(open.sources.teacher, config), weights, request.sampleSeeds, studentSampling(config))
      .catch(brokenStudent(point.iteration));
    if (open.realVariance > 0) point.sampleSpread = made.variance / open.realVariance;
    const moment = { images: point.images, pixels: made.pixels, weights };
    await keepMoment(open, moment, this.services.emit);
    point.sampleSeconds = (performance.now() - started) / 1000;
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

  /** After a failure of the machine or of float16: the run from its last save, on a device again. Throws on what it cannot mend. */
  private async survive(open: OpenRun, error: InnateError): Promise<void> {
    const { record, saver } = open;
    if (error instanceof Diverged && error.dtype === 'f16') return this.widen(open, error);
    if (error instanceof Diverged || error.code !== 'backend') throw error;
    if (++this.failures > MOST_FAILURES) throw error;
    const { services, epoch } = this;
    const smaller = error instanceof OutOfMemory ? smallerPart(this.fitted(open)) : null;
    if (smaller !== null) record.config = { ...record.config, microBatch: smaller };
    try {
      await services.exclusively(() => services.recover(error, epoch, smaller !== null));
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
      `${sentence(error.message)}. The run went back to its last save, at ${counted(saved?.meta.images ?? 0, 'image')}, and goes on with ${backendLine(services.backend())}${parts}.`,
    );
  }

  /** What is not finite in mixed precision is tried again in float32, from the last save. */
  private async widen(open: OpenRun, error: Diverged): Promise<void> {
    const { record, saver } = open;
    record.config = { ...record.config, dtype: 'f32' };
    this.letGo();
    const saved = await saver.load();
    this.notice(
      'recovery',
      `${sentence(error.message)}. The run went back to its last save, at ${counted(saved?.meta.images ?? 0, 'image')}, and goes on in float32.`,
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
      const model = studentModel(asStudent(sources.teacher, record.config), weights, record.config, images);
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
