import type {
  DataCheck,
  DistilAction,
  DistilEvent,
  DistilRequest,
  DistilResult,
  ParameterSize,
  StepEstimate,
} from './distil';
import { type CallOptions, EngineWorker } from './engine-worker';
import type { GenerateOutcome, GenerateRequest, ImageChunk } from './generate';
import type { LatentsCall, LatentsResults } from './latents';
import type { InspectEvent, InspectOutcome, InspectRequest, LookRequest, LookResult } from './layers';
import type {
  MeasureFiles,
  MeasureFilesCall,
  MeasureRequest,
  MeasureResult,
  NearestRequest,
  NearestResult,
} from './measure';
import type { EngineStatus, FileChoice, KeptModels, ModelInfo, ModelRef, StartOptions } from './models';
import { OpenedModels } from './opened-models';
import type { PaperFile, PaperFileChecks } from './paper-files';
import type { MeasureRunRequest, RunDistances } from './run-distances';
import type { ResumeRequest, RunsCall, RunsResults } from './runs';

/** The engine as the page sees it; everything heavy happens in a worker. Rejections are InnateErrors. */
export interface EngineClient {
  /** Chooses and starts a back-end; called again, it switches. */
  start(options: StartOptions): Promise<EngineStatus>;
  /** Reads a checkpoint that the user chose; it can then be loaded by its key. */
  open(file: File, options?: CallOptions & { choice?: FileChoice }): Promise<ModelInfo>;
  /** Reads an opened file in another way; it keeps its key. */
  reread(key: string, choice: FileChoice): Promise<ModelInfo>;
  /** Keeps an opened file in this browser for the next visit, or no longer. */
  keep(key: string, keep: boolean, options?: CallOptions): Promise<ModelInfo>;
  /** Opens the files that this browser keeps. */
  kept(): Promise<KeptModels>;
  /** Puts a model on the back-end; `generate` does so by itself when needed. */
  load(model: ModelRef, options?: CallOptions): Promise<ModelInfo>;
  /**
   * Makes images; chunks arrive as they are ready. A newer call supersedes this one, which then resolves to
   * 'superseded' without further chunks.
   */
  generate(
    request: GenerateRequest,
    options: CallOptions & { onImages: (chunk: ImageChunk) => void },
  ): Promise<GenerateOutcome>;
  /**
   * Distils, or goes on with a saved run, until its images are seen or it is stopped; resolves with the student's
   * key, which `generate` takes. Images may be generated meanwhile: they wait for the end of the step under way.
   */
  distil(
    request: DistilRequest | ResumeRequest,
    options: CallOptions & { onEvent: (event: DistilEvent) => void },
  ): Promise<DistilResult>;
  /** Lists, reads, names and deletes the runs that this browser has saved. */
  runs<C extends RunsCall>(call: C): Promise<RunsResults[C['do']]>;
  /** What a step of that run would take, from a measured one. */
  estimate(request: DistilRequest): Promise<StepEstimate>;
  /** Every parameter of a network that can train, in the order of its blocks. */
  parameters(model: ModelRef): Promise<ParameterSize[]>;
  /** A look at a person's own images; nothing of them is kept. */
  checkData(files: readonly File[], name: string): Promise<DataCheck>;
  /** What a file of the published method holds; nothing of it is kept. */
  checkPaperFile<K extends PaperFile>(file: File, kind: K): Promise<PaperFileChecks[K]>;
  /**
   * Fréchet distance of a model to real images, with its floor, and its kin. Other calls go on in between; what is computed is
   * saved, and a request of the same name goes on behind it.
   */
  measure(request: MeasureRequest, options?: CallOptions): Promise<MeasureResult>;
  /**
   * Distances of a run's kept students, evenly spread over its moments; `onEvent` hears all of the run each time that one is
   * there, and saved. Resolves with them.
   */
  measureRun(
    request: MeasureRunRequest,
    options: CallOptions & { onEvent: (distances: RunDistances[]) => void },
  ): Promise<RunDistances[]>;
  /** Nearest training images of generated ones, beside those of held-out real images. */
  nearest(request: NearestRequest, options?: CallOptions): Promise<NearestResult>;
  /** What measuring keeps in this browser, after what is asked for was done. */
  measureFiles(call: MeasureFilesCall, options?: CallOptions): Promise<MeasureFiles>;
  /** Sends a control to the run under way; does nothing without one. */
  controlDistil(action: DistilAction): Promise<void>;
  /** Measures a network layer by layer; a newer call supersedes this one. Other calls go on in between. */
  inspect(
    request: InspectRequest,
    options: CallOptions & { onEvent: (event: InspectEvent) => void },
  ): Promise<InspectOutcome>;
  /** One seed at one noise level: a picture, or the feature maps of one layer. */
  look(request: LookRequest, options?: CallOptions): Promise<LookResult>;
  /** Reads or writes latents of one's own. */
  latents<C extends LatentsCall>(call: C): Promise<LatentsResults[C['do']]>;
  /** A model as a .safetensors file to save. */
  exportModel(model: ModelRef, dtype: 'f16' | 'f32', options?: CallOptions): Promise<Blob>;
  /** Another start sigma for an opened file. */
  setSigma(key: string, sigma: number): Promise<ModelInfo>;
  /** Frees an opened file. */
  forget(key: string): Promise<void>;
  subscribe(listener: (status: EngineStatus) => void): () => void;
  /**
   * Told when opened models are gone: the worker died with the students it had made, or a file of the user's could not
   * be opened again afterwards. `isOpen` says which are still there.
   */
  onGone(listener: (isOpen: (key: string) => boolean) => void): () => void;
  dispose(): void;
}

/** The engine in a worker that `makeWorker` makes, whenever one is needed (`EngineWorker`). */
export function createEngineClient(makeWorker: () => Worker): EngineClient {
  const opened = new OpenedModels();
  const worker = new EngineWorker(makeWorker, opened);
  return {
    start: (options) => worker.start(options),
    async open(file, options = {}) {
      const payload = { type: 'open', file, choice: options.choice ?? {} } as const;
      const info = await worker.call(payload, options);
      opened.open(info.key, { ...payload, key: info.key });
      return info;
    },
    async reread(key, choice) {
      const payload = { type: 'reread', key, choice } as const;
      const info = await worker.call(payload);
      opened.change(key, payload);
      return info;
    },
    async keep(key, keep, options) {
      const info = await worker.call({ type: 'keep', key, keep }, options);
      opened.keep(key, keep);
      return info;
    },
    async kept() {
      const found = await worker.call({ type: 'kept' });
      for (const { key } of found.models) opened.keep(key, true);
      return found;
    },
    load: (model, options) => worker.call({ type: 'load', model }, options),
    generate: (request, options) => worker.call({ type: 'generate', request }, options),
    distil: (request, options) => worker.call({ type: 'distil', request }, options),
    async controlDistil(action) {
      await worker.call({ type: 'distil-control', action });
    },
    runs: <C extends RunsCall>(request: C) =>
      worker.call({ type: 'runs', call: request }) as Promise<RunsResults[C['do']]>,
    estimate: (request) => worker.call({ type: 'estimate', request }),
    parameters: (model) => worker.call({ type: 'parameters', model }),
    checkData: (files, name) => worker.call({ type: 'check-data', files: [...files], name }),
    checkPaperFile: <K extends PaperFile>(file: File, kind: K) =>
      worker.call({ type: 'check-paper-file', file, kind }) as Promise<PaperFileChecks[K]>,
    measure: (request, options) => worker.call({ type: 'measure', request }, options),
    measureRun: (request, options) => worker.call({ type: 'measure-run', request }, options),
    nearest: (request, options) => worker.call({ type: 'nearest', request }, options),
    measureFiles: (call, options) => worker.call({ type: 'measure-files', call }, options),
    inspect: (request, options) => worker.call({ type: 'inspect', request }, options),
    look: (request, options) => worker.call({ type: 'look', request }, options),
    latents: <C extends LatentsCall>(request: C) =>
      worker.call({ type: 'latents', call: request }) as Promise<LatentsResults[C['do']]>,
    exportModel: (model, dtype, options) => worker.call({ type: 'export', model, dtype }, options),
    async setSigma(key, sigma) {
      const payload = { type: 'set-sigma', key, sigma } as const;
      const info = await worker.call(payload);
      opened.change(key, payload);
      return info;
    },
    async forget(key) {
      opened.forget(key);
      await worker.call({ type: 'forget', key });
    },
    subscribe: (listener) => worker.subscribe(listener),
    onGone: (listener) => worker.onGone(listener),
    dispose: () => worker.dispose(),
  };
}
