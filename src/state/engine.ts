import { createStore, type StoreApi } from 'zustand/vanilla';
import { asInnateError } from '../lib/errors';
import type { ClosedFile, EngineStatus, FileChoice, ModelInfo, Progress } from '../protocol/models';

/** What the engine is doing, as the page tells it. */
export interface EngineState {
  status: EngineStatus | null;
  /** What is under way for the images in view; null = idle. */
  work: {
    kind: 'starting' | 'generating';
    subject: string;
    cancellable: boolean;
  } | null;
  progress: Progress | null;
  /** Images of the request under way: done and wanted. */
  made: readonly [number, number] | null;
  /** What the newest request has cost so far, over all of its images; null before the first ones. */
  reading: Reading | null;
  /** One line (InnateError.describe) and what failed: it stands until dismissed or tried again. */
  error: {
    line: string;
    of: 'page' | 'starting' | 'opening' | 'exporting' | 'generating';
    /** What a person can choose so that it succeeds: of a file, which network or which preconditioning. */
    choose?: { what: keyof FileChoice; from: readonly string[]; file: File; choice: FileChoice };
  } | null;
  /** A line about the page's own doing: a link whose model is not here. */
  remark: string | null;
  /** Id of the public model that the page's link waits for; null = none. */
  awaits: string | null;
  opened: readonly ModelInfo[];
  /** What this browser keeps and could not open. */
  closed: readonly ClosedFile[];
}

export interface Reading {
  images: number;
  /** Network evaluations of each image. */
  passes: number;
  /** Milliseconds that all images together took, all their passes included. */
  ms: number;
}

export type EngineStore = StoreApi<EngineState>;

export const createEngineStore = (): EngineStore =>
  createStore(() => ({
    status: null,
    work: null,
    progress: null,
    made: null,
    reading: null,
    error: null,
    remark: null,
    awaits: null,
    opened: [],
    closed: [],
  }));

type Kind = NonNullable<EngineState['error']>['of'];

/** Tells what failed; what a person cancelled has not failed. */
export function fail(engine: EngineStore, of: Kind, error: unknown): void {
  const known = asInnateError(error, 'backend');
  if (known.code !== 'cancelled') engine.setState({ error: { line: known.describe(), of } });
}

/** Takes back what was told of that kind: it has been tried again. */
export function succeed(engine: EngineStore, of: Kind): void {
  if (engine.getState().error?.of === of) engine.setState({ error: null });
}

/** Adds a model to the opened ones, last; another of its key goes. */
export function addOpened(engine: EngineStore, info: ModelInfo): void {
  engine.setState((s) => ({ opened: [...s.opened.filter((m) => m.key !== info.key), info] }));
}

/** Takes what is now known of an opened model, in its place. */
export function replaceOpened(engine: EngineStore, info: ModelInfo): void {
  engine.setState((s) => ({ opened: s.opened.map((m) => (m.key === info.key ? info : m)) }));
}
