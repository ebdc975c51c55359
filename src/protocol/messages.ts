import type { BackendName } from '../gpu/backends';
import type { TileChoice } from '../gpu/traits';
import type { ErrorCode, ErrorDetail } from '../lib/errors';
import type { PrecondKind } from '../lib/preconditioning';
import type { WeightPrecision } from '../nn/plan/webgpu/pack';
import type { SamplerName } from '../nn/samplers';
import type {
  DataCheck,
  DistilAction,
  DistilEvent,
  DistilRequest,
  DistilResult,
  MeasureRequest,
  MeasureResult,
  StepEstimate,
} from './distil';
import type { InspectEvent, InspectOutcome, InspectRequest, LookRequest, LookResult } from './layers';
import type { ResumeRequest, RunsCall, RunsResults } from './runs';

/**
 * What the page and the engine's worker say to each other. Plain data only; errors travel as values.
 */

/** A model that the worker can load: of the catalogue, or a file that the user opened (key from `open`). */
export type ModelRef = { kind: 'catalogue'; id: string } | { kind: 'opened'; key: string };

/** Of a start sigma: what the file or the catalogue says, a guess from the name, a person, or nothing at all. */
export type SigmaSource = 'file' | 'name' | 'person' | 'unsaid';

export interface ModelInfo {
  /** Catalogue id, or the key of an opened file. */
  key: string;
  /** For people: the catalogue's name, or the file's. */
  name: string;
  role: 'teacher' | 'student' | 'unknown';
  resolution: number;
  channels: number;
  /** 0 = unconditional. */
  labelDim: number;
  classes: string[] | null;
  parameters: number;
  precond: string;
  /** Noise level at which it starts, and how that is known. */
  sigma: number;
  sigmaFrom: SigmaSource;
  architecture: string;
  /** Size of the file, bytes. */
  bytes: number;
  licence: string | null;
  /** Sentences: what was taken or assumed when the file was read. */
  notes: string[];
  /** Names of the networks in the file; more than one where a person can choose. */
  entries: string[];
  /** The one that this is. */
  entry: string | null;
  /** The file is kept in this browser and opened again on the next visit. */
  kept: boolean;
}

/** What a person decides about a file that it leaves open. */
export interface FileChoice {
  precond?: PrecondKind;
  /** Which of several networks. */
  entry?: string;
}

/** The files that this browser keeps, opened again. */
export interface KeptModels {
  models: ModelInfo[];
  /** One sentence for each that could not be opened; it stays where it is. */
  problems: string[];
}

export interface GenerateRequest {
  model: ModelRef;
  /** One an image; fractions blend neighbours. */
  seeds: number[];
  /** For all images; null = the class of each seed. */
  classIndex: number | null;
  sampler: SamplerName;
  /** Heun steps. */
  steps: number;
  /** Noise level of the first evaluation. */
  sigma: number;
  /** Index of the image to make first (the selected one). */
  first?: number;
}

/** Some images of a request, in the order of `seeds`; RGBA bytes for putImageData. */
export interface ImageChunk {
  /** Positions in `seeds`. */
  indices: number[];
  /** indices.length images of resolution^2 * 4 bytes. */
  pixels: Uint8ClampedArray<ArrayBuffer>;
  resolution: number;
  /** Class of each image; null for unconditional networks. */
  classes: number[] | null;
  /** Milliseconds that these images took together, all their passes included. */
  ms: number;
}

export type GenerateOutcome = 'complete' | 'superseded' | 'cancelled';

export interface Progress {
  /** What is being done: 'downloading', 'reading', 'preparing shaders', 'sampling'. */
  what: string;
  done: number;
  total: number;
  unit: 'bytes' | 'shaders' | 'evaluations' | 'tensors' | 'images';
}

export interface EngineStatus {
  /** null while the back-end is being chosen. */
  backend: { name: BackendName; label: string; software: boolean } | null;
  /** Why WebGPU is not used, when it is not: what to do about it included. */
  webgpuReason: string | null;
  /** Which kernels the GPU runs, and why; null without one. */
  kernels: string | null;
  /** A WebGPU adapter exists and may be chosen. */
  webgpuAvailable: boolean;
  crossOriginIsolated: boolean;
  model: ModelInfo | null;
  /** Bytes held on the back-end. */
  memoryBytes: number;
  /** Of the loaded model's weights in memory; null without a model. */
  precision: WeightPrecision | null;
  /** One pass of the network: milliseconds and images. */
  lastForward: { ms: number; images: number } | null;
  /** One clear line after something went wrong and was dealt with (lost device, fall-back); null otherwise. */
  notice: string | null;
}

export interface SerialisedError {
  code: ErrorCode;
  message: string;
  detail: ErrorDetail;
}

export type BackendPreference = 'auto' | 'webgpu' | 'wasm';

/** Of weights on the GPU; 'auto' is half precision where the file itself is. */
export type PrecisionPreference = 'auto' | WeightPrecision;

export type TilePreference = TileChoice;

export interface StartOptions {
  preference: BackendPreference;
  precision?: PrecisionPreference;
  /** How the GPU's matrix products are tiled. */
  tiles?: TileChoice;
  /** Absolute URL of the models folder, with a trailing slash. */
  modelsUrl: string;
  /** File name of each wasm binary to its URL. */
  wasmBinaries: Record<string, string>;
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
  | { type: 'measure'; id: number; request: MeasureRequest }
  | { type: 'inspect'; id: number; request: InspectRequest }
  | { type: 'look'; id: number; request: LookRequest }
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
  measure: MeasureResult;
  inspect: InspectOutcome;
  look: LookResult;
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
  | { type: 'status'; status: EngineStatus };
