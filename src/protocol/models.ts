import type { BackendName, TileChoice, WeightPrecision } from '../lib/backends';
import type { PrecondKind } from '../lib/preconditioning';

/** What the page and the worker call things by: models, images, and the engine itself. */

/** A model that the worker can load: of the catalogue, or a file that the user opened (key from `open`). */
export type ModelRef = { kind: 'catalogue'; id: string } | { kind: 'opened'; key: string };

/** Who says at which sigma a network starts: the file or the catalogue, a guess from its name, a person, or nobody. */
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
  /** Noise level of a two-step student's second evaluation; null = it has one. */
  sigmaMid: number | null;
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
  /** The entry to take where a file holds several networks. */
  entry?: string;
}

/** The files that this browser keeps, opened again. */
export interface KeptModels {
  models: ModelInfo[];
  /** One sentence for each that could not be opened; it stays where it is. */
  problems: string[];
  /** Those of them that are whole: what they miss, a difference its teacher, may come. */
  closed: ClosedFile[];
}

/** A file that this browser keeps and that could not be opened. */
export interface ClosedFile {
  key: string;
  name: string;
  bytes: number;
  why: string;
}

/** Real images: a sample pack that comes with the page (public/data/index.json), or the user's own files. */
export type DataRef = { kind: 'pack'; id: string } | { kind: 'files'; files: File[]; name: string };

export interface Progress {
  /** What is being done: 'downloading', 'reading', 'preparing shaders', 'sampling'. */
  what: string;
  done: number;
  total: number;
  unit: 'bytes' | 'shaders' | 'evaluations' | 'tensors' | 'images';
}

export interface EngineStatus {
  /** null while the back-end is being chosen; `float16`: its kernels may compute in it. */
  backend: { name: BackendName; label: string; software: boolean; float16?: boolean } | null;
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
  /** The precision of the loaded model's weights in memory; null without a model. */
  precision: WeightPrecision | null;
  /** One pass of the network: milliseconds and images. */
  lastForward: { ms: number; images: number } | null;
  /** One clear line after something went wrong and was dealt with (lost device, fall-back); null otherwise. */
  notice: string | null;
}

export type BackendPreference = 'auto' | 'webgpu' | 'wasm';

/** The precision of weights on the GPU; 'auto' is half precision where the file itself is. */
export type PrecisionPreference = 'auto' | WeightPrecision;

export interface StartOptions {
  preference: BackendPreference;
  precision?: PrecisionPreference;
  /** How the GPU's matrix products are tiled. */
  tiles?: TileChoice;
  /** Absolute URL of the models folder, with a trailing slash. */
  modelsUrl: string;
  /** That of the folder of models which the page's host fetched, where it has one. */
  fetchedUrl?: string;
  /** File name of each wasm binary to its URL. */
  wasmBinaries: Record<string, string>;
}
