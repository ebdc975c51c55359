import type { ErrorCode, ErrorDetail } from '../lib/errors';
import type {
  DataCheck,
  DistilAction,
  DistilEvent,
  DistilRequest,
  DistilResult,
  ParameterSize,
  StepEstimate,
} from './distil';
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
import type {
  EngineStatus,
  FileChoice,
  KeptModels,
  ModelInfo,
  ModelRef,
  Progress,
  StartOptions,
} from './models';
import type { PaperFile, PaperFileChecks } from './paper-files';
import type { MeasureRunRequest, RunDistances } from './run-distances';
import type { ResumeRequest, RunsCall, RunsResults } from './runs';

/**
 * What the page and the engine's worker say to each other. Plain data only; errors travel as values.
 */

export interface SerialisedError {
  code: ErrorCode;
  message: string;
  detail: ErrorDetail;
}

/** Page to worker. Every `id` is answered by exactly one `settled`. */
export type Request =
  | { type: 'start'; id: number; options: StartOptions }
  /** `key`: the one that it had in a worker that died. */
  | { type: 'open'; id: number; file: File; key?: string; choice: FileChoice }
  | { type: 'reread'; id: number; key: string; choice: FileChoice }
  | { type: 'keep'; id: number; key: string; keep: boolean }
  | { type: 'kept'; id: number }
  | { type: 'set-sigma'; id: number; key: string; sigma: number }
  | { type: 'load'; id: number; model: ModelRef }
  | { type: 'generate'; id: number; request: GenerateRequest }
  | { type: 'forget'; id: number; key: string }
  | { type: 'distil'; id: number; request: DistilRequest | ResumeRequest }
  | { type: 'distil-control'; id: number; action: DistilAction }
  | { type: 'runs'; id: number; call: RunsCall }
  | { type: 'estimate'; id: number; request: DistilRequest }
  | { type: 'check-data'; id: number; files: File[]; name: string }
  | { type: 'check-paper-file'; id: number; file: File; kind: PaperFile }
  | { type: 'parameters'; id: number; model: ModelRef }
  | { type: 'measure'; id: number; request: MeasureRequest }
  | { type: 'measure-run'; id: number; request: MeasureRunRequest }
  | { type: 'nearest'; id: number; request: NearestRequest }
  | { type: 'measure-files'; id: number; call: MeasureFilesCall }
  | { type: 'inspect'; id: number; request: InspectRequest }
  | { type: 'look'; id: number; request: LookRequest }
  | { type: 'latents'; id: number; call: LatentsCall }
  | { type: 'export'; id: number; model: ModelRef; dtype: 'f16' | 'f32' }
  | { type: 'cancel'; id: number; target: number };

export interface Results {
  start: EngineStatus;
  open: ModelInfo;
  reread: ModelInfo;
  keep: ModelInfo;
  kept: KeptModels;
  'set-sigma': ModelInfo;
  load: ModelInfo;
  generate: GenerateOutcome;
  forget: null;
  distil: DistilResult;
  'distil-control': null;
  runs: RunsResults[keyof RunsResults];
  estimate: StepEstimate;
  'check-data': DataCheck;
  'check-paper-file': PaperFileChecks[PaperFile];
  parameters: ParameterSize[];
  measure: MeasureResult;
  'measure-run': RunDistances[];
  nearest: NearestResult;
  'measure-files': MeasureFiles;
  inspect: InspectOutcome;
  look: LookResult;
  latents: LatentsResults[keyof LatentsResults];
  /** A whole .safetensors file. */
  export: Blob;
  cancel: null;
}

/** Worker to page. */
export type Message =
  | { type: 'settled'; id: number; ok: true; value: Results[keyof Results] }
  | { type: 'settled'; id: number; ok: false; error: SerialisedError }
  | { type: 'progress'; id: number; progress: Progress }
  | { type: 'images'; id: number; chunk: ImageChunk }
  | { type: 'distil'; id: number; event: DistilEvent }
  | { type: 'inspect'; id: number; event: InspectEvent }
  | { type: 'measured'; id: number; event: RunDistances[] }
  | { type: 'status'; status: EngineStatus };

/** A request before it has its number. */
export type Payload = Request extends infer R ? (R extends { id: number } ? Omit<R, 'id'> : never) : never;
