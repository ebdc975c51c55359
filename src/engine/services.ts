import type { ActiveBackend } from '../gpu/backends';
import type { InnateError } from '../lib/errors';
import type { ImageDenoiser } from '../nn/denoiser';
import type { OpenExecutor } from '../nn/plan/training/executor';
import type { RunAbout } from '../protocol/distil';
import type { ImageChunk } from '../protocol/generate';
import type { ModelInfo, ModelRef, Progress } from '../protocol/models';
import type { LibraryModel } from './models/library';
import type { Model } from './models/model';

/** What a call may be asked and told while it runs. */
export interface CallHooks {
  signal: AbortSignal;
  onProgress: (progress: Progress) => void;
}

export interface GenerateHooks extends CallHooks {
  onImages: (chunk: ImageChunk) => void;
  /** A newer request waits. */
  superseded: () => boolean;
}

/** What distillation, which is loaded when it is first used, takes from the engine. */
export interface EngineServices {
  /** Folder of the page's files, with a slash at its end. */
  modelsUrl: string;
  backend(): Pick<ActiveBackend, 'name' | 'label'>;
  /** Executes recorded steps of training on the back-end; undefined where nothing does. */
  recordedSteps(): OpenExecutor | undefined;
  /** A number for each device: tensors of another one are gone. */
  epoch(): number;
  /** Rejects when the device fails. */
  failure(): Promise<never>;
  /**
   * Sets up a device again after the one of that epoch failed; throws on where there is none left. `lighter`: the caller asks
   * less of it from now on, so that a GPU that failed before is tried again.
   */
  recover(error: InnateError, epoch: number, lighter?: boolean): Promise<void>;
  /** Bytes that the back-end holds. */
  memory(): number;
  model(ref: ModelRef): Promise<LibraryModel>;
  /** A network on the back-end's fastest path, for many images; the caller disposes of it. */
  denoiser(model: Model): Promise<ImageDenoiser>;
  /** Puts a finished student, after so many images, among the opened models. */
  keep(model: Model, images: number, about: RunAbout): ModelInfo;
}
