import { createStore, type StoreApi } from 'zustand/vanilla';
import type { InnateError } from '../../lib/errors';
import type { Progress } from '../../protocol/models';
import type { MadeImage } from '../generate/images';

/** One image of a pair, and what it took by itself: loading and compiling are left out. */
export interface BesideImage {
  /** Of the request that made it. */
  key: string;
  picture: MadeImage;
  ms: number;
}

/** The selected image as a student and as its teacher make it. */
export interface BesideState {
  open: boolean;
  student: BesideImage | null;
  teacher: BesideImage | null;
  /** The requests that the view wants answered; images of other keys are of what was shown before. */
  wanted: { student: string; teacher: string } | null;
  /** Of the one under way. */
  progress: Progress | null;
  error: InnateError | null;
}

export type BesideStore = StoreApi<BesideState>;
export const createBesideStore = (): BesideStore =>
  createStore(() => ({
    open: false,
    student: null,
    teacher: null,
    wanted: null,
    progress: null,
    error: null,
  }));
