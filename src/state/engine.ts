import { createStore, type StoreApi } from 'zustand/vanilla';
import type { EngineStatus, FileChoice, ModelInfo, Progress } from '../protocol/messages';

/** What the engine is doing, as the page tells it. */
export interface EngineState {
  status: EngineStatus | null;
  /** What is under way; null = idle. */
  work: { kind: 'starting' | 'opening' | 'generating'; subject: string; cancellable: boolean } | null;
  progress: Progress | null;
  /** Images of the request under way: done and wanted. */
  made: readonly [number, number] | null;
  /** What the newest request has cost so far, over all of its images; null before the first ones. */
  reading: Reading | null;
  /** One line (InnateError.describe) and what failed: it stands until dismissed or tried again. */
  error: {
    line: string;
    of: 'page' | 'starting' | 'opening' | 'generating';
    /** What a person can choose so that it succeeds: of a file, which network or which preconditioning. */
    choose?: { what: keyof FileChoice; from: readonly string[]; file: File; choice: FileChoice };
  } | null;
  /** A line about the page's own doing: a link whose model is not here. */
  remark: string | null;
  opened: readonly ModelInfo[];
  /** The file that is being copied to be kept, and how far: 0 to 1. */
  keeping: { key: string; share: number } | null;
}

export interface Reading {
  images: number;
  /** Network evaluations of each image. */
  passes: number;
  /** Of all images together, all their passes included. */
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
    opened: [],
    keeping: null,
  }));
