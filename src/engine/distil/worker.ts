import { trainable } from '../../distil/freeze';
import { loadPart } from '../../lib/load-part';
import type {
  DataCheck,
  DistilEvent,
  DistilRequest,
  DistilResult,
  ParameterSize,
} from '../../protocol/distil';
import type { MeasureFilesCall, MeasureRequest, NearestRequest } from '../../protocol/measure';
import type { ModelRef } from '../../protocol/models';
import type { PaperFile, PaperFileChecks } from '../../protocol/paper-files';
import type { MeasureRunRequest, RunDistances } from '../../protocol/run-distances';
import type { ResumeRequest, RunsCall } from '../../protocol/runs';
import { nextTask } from '../inference/next-task';
import { measureFiles } from '../measure/kept-measures';
import { measureInPage } from '../measure/measure-model';
import type { MeasureServices } from '../measure/measuring';
import { nearestInPage } from '../measure/nearest-model';
import type { RunHooks } from '../measure/run-distances';
import { PageData } from '../models/page-data';
import { answerRuns } from '../runs/answer';
import { checkPaperFile } from '../runs/paper-files';
import type { CallHooks, EngineServices } from '../services';
import { checkDataset, THUMBNAIL } from './data-check';
import { estimateStep } from './estimate';
import { DistilSession } from './session';

/** What the worker loads when distillation is used for the first time. */
export class DistilWorker {
  private data: PageData;
  session: DistilSession | null = null;

  constructor(
    private readonly services: EngineServices,
    private readonly exclusively: <T>(task: () => Promise<T>) => Promise<T>,
  ) {
    this.data = new PageData(services.modelsUrl);
  }

  async distil(
    request: DistilRequest | ResumeRequest,
    emit: (event: DistilEvent) => void,
  ): Promise<DistilResult> {
    this.session = new DistilSession(request, {
      ...this.services,
      data: this.data,
      exclusively: this.exclusively,
      emit,
    });
    try {
      return await this.session.run();
    } finally {
      this.session = null;
    }
  }

  runs(call: RunsCall) {
    return answerRuns(call, this.services);
  }

  estimate(request: DistilRequest) {
    return this.exclusively(() => estimateStep(request, { ...this.services, data: this.data }));
  }

  /** What of a network can train; needs no back-end. */
  async parameters(ref: ModelRef): Promise<ParameterSize[]> {
    const { model } = await this.services.model(ref);
    return trainable(model.config.unet).map(({ name, shape }) => ({
      name,
      size: shape.reduce((a, b) => a * b, 1),
    }));
  }

  /** Needs no back-end: it goes on beside a run. */
  async checkData(files: readonly File[], name: string): Promise<DataCheck> {
    return checkDataset(await this.data.look(files, name, THUMBNAIL), nextTask);
  }

  checkPaperFile<K extends PaperFile>(file: File, kind: K): PaperFileChecks[K] {
    return checkPaperFile(file, kind);
  }

  /** In turns: images may be made meanwhile. */
  measure(request: MeasureRequest, hooks: CallHooks) {
    return measureInPage(request, this.measureServices(), hooks);
  }

  /** The same of a run's students, one after the other. */
  async measureRun(request: MeasureRunRequest, hooks: RunHooks): Promise<RunDistances[]> {
    const { measureRun } = await loadPart(import('../measure/run-distances'));
    return measureRun(request, this.measureServices(), hooks);
  }

  nearest(request: NearestRequest, hooks: CallHooks) {
    return nearestInPage(request, this.measureServices(), hooks);
  }

  /** Needs no back-end. */
  measureFiles(call: MeasureFilesCall, hooks: CallHooks) {
    return measureFiles(call, hooks);
  }

  private measureServices(): MeasureServices {
    return { ...this.services, data: this.data, exclusively: this.exclusively };
  }
}
