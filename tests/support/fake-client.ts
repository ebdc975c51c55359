import { InnateError } from '../../src/lib/errors';
import type { EngineClient } from '../../src/protocol/client';
import type {
  DataCheck,
  DistilAction,
  DistilEvent,
  DistilRequest,
  DistilResult,
  ParameterSize,
  StepEstimate,
} from '../../src/protocol/distil';
import type { CallOptions } from '../../src/protocol/engine-worker';
import type { GenerateOutcome, GenerateRequest, ImageChunk } from '../../src/protocol/generate';
import type { LatentsCall, LatentsResults } from '../../src/protocol/latents';
import type { InspectOutcome, LookResult } from '../../src/protocol/layers';
import type {
  MeasureFiles,
  MeasureFilesCall,
  MeasureRequest,
  MeasureResult,
  NearestRequest,
  NearestResult,
} from '../../src/protocol/measure';
import type {
  EngineStatus,
  FileChoice,
  KeptModels,
  ModelInfo,
  ModelRef,
  StartOptions,
} from '../../src/protocol/models';
import type { PaperFile, PaperFileChecks } from '../../src/protocol/paper-files';
import type { MeasureRunRequest, RunDistances } from '../../src/protocol/run-distances';
import type { ResumeRequest, RunsCall, RunsResults } from '../../src/protocol/runs';

export const STATUS: EngineStatus = {
  backend: { name: 'wasm', label: '1 thread', software: true },
  webgpuReason: 'none here',
  kernels: null,
  webgpuAvailable: false,
  crossOriginIsolated: true,
  model: null,
  memoryBytes: 0,
  precision: null,
  lastForward: null,
  notice: null,
};

export interface FakeCall {
  request: GenerateRequest;
  options: CallOptions & { onImages: (chunk: ImageChunk) => void };
  /** Sends images of one pixel whose red is `mark`. */
  deliver(indices: number[], mark?: number): void;
  settle(outcome?: GenerateOutcome): Promise<void>;
  fail(error: InnateError): Promise<void>;
}

export interface FakeMeasure {
  request: MeasureRequest;
  options: CallOptions;
  end(result: MeasureResult): void;
  fail(error: InnateError): void;
}

export interface FakeMomentsMeasure {
  request: MeasureRunRequest;
  options: CallOptions & { onEvent: (distances: RunDistances[]) => void };
  end(distances: RunDistances[]): void;
  fail(error: InnateError): void;
}

export interface FakeRun {
  request: DistilRequest | ResumeRequest;
  signal: AbortSignal | undefined;
  emit: (event: DistilEvent) => void;
  end(result: DistilResult): Promise<void>;
  fail(error: InnateError): Promise<void>;
}

/** Does what the test says, when it says so. */
export class FakeClient implements EngineClient {
  readonly calls: FakeCall[] = [];
  readonly starts: StartOptions[] = [];
  readonly forgotten: string[] = [];
  readonly distilled: FakeRun[] = [];
  readonly actions: DistilAction[] = [];
  readonly exported: { model: ModelRef; dtype: string }[] = [];
  readonly asked: RunsCall[] = [];
  readonly estimated: DistilRequest[] = [];
  /** What the saved runs are; a browser that keeps none unless a test says more. */
  answers: (call: RunsCall) => unknown = () => null;
  startError: InnateError | null = null;
  opens: ((file: File, options?: CallOptions & { choice?: FileChoice }) => Promise<ModelInfo>) | null = null;

  /** Starts end one by one, when the test says so. */
  holdStarts = false;
  private readonly held: ((error: InnateError | null) => void)[] = [];

  async start(options: StartOptions): Promise<EngineStatus> {
    this.starts.push(options);
    const error = this.holdStarts
      ? await new Promise<InnateError | null>((resolve) => this.held.push(resolve))
      : this.startError;
    if (error) throw error;
    return STATUS;
  }

  /** The oldest start that is held comes to its end. */
  async endStart(error: InnateError | null = null): Promise<void> {
    this.held.shift()!(error);
    await tick();
  }

  open(file: File, options?: CallOptions & { choice?: FileChoice }): Promise<ModelInfo> {
    return this.opens ? this.opens(file, options) : Promise.reject(new InnateError('bad-file', 'no'));
  }

  /** Files that were read in another way, and what this browser keeps. */
  readonly rereadings: { key: string; choice: FileChoice }[] = [];
  keptModels: KeptModels = { models: [], problems: [], closed: [] };

  async reread(key: string, choice: FileChoice): Promise<ModelInfo> {
    this.rereadings.push({ key, choice });
    if (!this.opened) throw new InnateError('not-found', 'not open');
    return {
      ...this.opened,
      ...(choice.precond && { precond: choice.precond }),
      entry: choice.entry ?? null,
    };
  }

  async keep(_key: string, keep: boolean, options?: CallOptions): Promise<ModelInfo> {
    options?.onProgress?.({ what: 'keeping', done: 1, total: 2, unit: 'bytes' });
    if (!this.opened) throw new InnateError('io', 'this browser keeps no files');
    return { ...this.opened, kept: keep };
  }

  async kept(): Promise<KeptModels> {
    return this.keptModels;
  }

  /** Start sigmas that were set; the answer is whatever `opened` holds. */
  readonly sigmas: { key: string; sigma: number }[] = [];
  opened: ModelInfo | null = null;

  async setSigma(key: string, sigma: number): Promise<ModelInfo> {
    this.sigmas.push({ key, sigma });
    if (!this.opened) throw new InnateError('not-found', 'not open');
    return { ...this.opened, sigma };
  }

  load(): Promise<ModelInfo> {
    return Promise.reject(new Error('not used'));
  }

  generate(request: GenerateRequest, options: FakeCall['options']): Promise<GenerateOutcome> {
    return new Promise((resolve, reject) => {
      this.calls.push({
        request,
        options,
        deliver: (indices, mark = 0) =>
          options.onImages({
            indices,
            pixels: new Uint8ClampedArray(indices.flatMap(() => [mark, 0, 0, 255])),
            resolution: 1,
            classes: indices.map((i) => request.classIndex ?? i),
            ms: 5,
          }),
        settle: async (outcome = 'complete') => {
          resolve(outcome);
          await tick();
        },
        fail: async (error) => {
          reject(error);
          await tick();
        },
      });
      options.signal?.addEventListener('abort', () => reject(new InnateError('cancelled', 'cancelled')));
    });
  }

  distil(
    request: DistilRequest | ResumeRequest,
    options: CallOptions & { onEvent: (event: DistilEvent) => void },
  ): Promise<DistilResult> {
    return new Promise((resolve, reject) => {
      this.distilled.push({
        request,
        signal: options.signal,
        emit: options.onEvent,
        end: async (result) => {
          resolve(result);
          await tick();
        },
        fail: async (error) => {
          reject(error);
          await tick();
        },
      });
      options.signal?.addEventListener('abort', () => reject(new InnateError('cancelled', 'cancelled')));
    });
  }

  async controlDistil(action: DistilAction): Promise<void> {
    this.actions.push(action);
  }

  inspect(..._: Parameters<EngineClient['inspect']>): Promise<InspectOutcome> {
    return Promise.reject(new Error('not used'));
  }

  look(..._: Parameters<EngineClient['look']>): Promise<LookResult> {
    return Promise.reject(new Error('not used'));
  }

  async runs<C extends RunsCall>(call: C): Promise<RunsResults[C['do']]> {
    this.asked.push(call);
    return (await this.answers(call)) as RunsResults[C['do']];
  }

  async estimate(request: DistilRequest): Promise<StepEstimate> {
    this.estimated.push(request);
    return {
      measuredImages: 4,
      secondsPerStep: 1,
      secondsPerImage: 0.5,
      backend: 'webgpu',
      resolution: 32,
      heldBytes: 5e7,
      fixedBytes: 1e8,
      bytesPerImage: 1e8,
      secondsPerSample: 0,
      secondsPerCompared: 0,
      limitBytes: 3e9,
    };
  }

  checked: DataCheck = {
    name: 'mine',
    size: 2,
    looked: 2,
    labelDim: 0,
    classes: null,
    channels: 1,
    sizes: [{ width: 28, height: 28, count: 2 }],
    otherSizes: 0,
    thumbnails: { pixels: new Uint8ClampedArray(0), resolution: 48, count: 0 },
    skipped: 0,
    reasons: '',
    notes: [],
  };
  checks: (files: readonly File[]) => Promise<DataCheck> = async () => this.checked;

  checkData(files: readonly File[]): Promise<DataCheck> {
    return this.checks(files);
  }

  paperChecks: (file: File, kind: PaperFile) => Promise<PaperFileChecks[PaperFile]> = async () => ({
    network: 'vgg16-bn',
  });

  checkPaperFile<K extends PaperFile>(file: File, kind: K): Promise<PaperFileChecks[K]> {
    return this.paperChecks(file, kind) as Promise<PaperFileChecks[K]>;
  }

  /** What of a network can train. */
  sizes: ParameterSize[] = [];

  async parameters(): Promise<ParameterSize[]> {
    return this.sizes;
  }

  /** Measurements under way, the newest last; the test settles them. */
  readonly measured: FakeMeasure[] = [];

  measure(request: MeasureRequest, options: CallOptions = {}): Promise<MeasureResult> {
    return new Promise((resolve, reject) => {
      this.measured.push({ request, options, end: resolve, fail: reject });
      options.signal?.addEventListener('abort', () => reject(new InnateError('cancelled', 'cancelled')));
    });
  }

  readonly measuredRuns: FakeMomentsMeasure[] = [];

  measureRun(request: MeasureRunRequest, options: FakeMomentsMeasure['options']): Promise<RunDistances[]> {
    return new Promise((resolve, reject) => {
      this.measuredRuns.push({ request, options, end: resolve, fail: reject });
      options.signal?.addEventListener('abort', () => reject(new InnateError('cancelled', 'cancelled')));
    });
  }

  readonly searched: NearestRequest[] = [];
  found: (request: NearestRequest) => Promise<NearestResult> = () => Promise.reject(new Error('no search'));

  nearest(request: NearestRequest): Promise<NearestResult> {
    this.searched.push(request);
    return this.found(request);
  }

  readonly fileCalls: MeasureFilesCall[] = [];
  files: MeasureFiles = { inception: null, features: 0, runs: 0 };

  async measureFiles(call: MeasureFilesCall, _options?: CallOptions): Promise<MeasureFiles> {
    this.fileCalls.push(call);
    return this.files;
  }

  /** What a file of latents holds; null = something else. */
  latent: (call: LatentsCall) => Promise<LatentsResults[LatentsCall['do']]> = async () => null;

  latents<C extends LatentsCall>(call: C): Promise<LatentsResults[C['do']]> {
    return this.latent(call) as Promise<LatentsResults[C['do']]>;
  }

  async exportModel(model: ModelRef, dtype: 'f16' | 'f32'): Promise<Blob> {
    this.exported.push({ model, dtype });
    return new Blob(['student']);
  }

  async forget(key: string): Promise<void> {
    this.forgotten.push(key);
  }

  subscribe(): () => void {
    return () => {};
  }

  private mourner: ((isOpen: (key: string) => boolean) => void) | null = null;

  onGone(listener: (isOpen: (key: string) => boolean) => void): () => void {
    this.mourner = listener;
    return () => {};
  }

  /** The worker died; only these models could be opened again. */
  lose(...kept: string[]): void {
    this.mourner?.((key) => kept.includes(key));
  }

  dispose(): void {}
}

export const tick = () => new Promise<void>((resolve) => setTimeout(resolve, 0));
