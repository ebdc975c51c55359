import { backendBytes } from '../gpu/warm-up';
import { asInnateError, InnateError, OutOfMemory } from '../lib/errors';
import { loadPart } from '../lib/load-part';
import { PlannedDenoiser } from '../nn/plan/planned-denoiser';
import type { GenerateOutcome, GenerateRequest } from '../protocol/generate';
import type {
  EngineStatus,
  FileChoice,
  KeptModels,
  ModelInfo,
  ModelRef,
  StartOptions,
} from '../protocol/models';
import { rememberedNoise } from '../rng/seeds';
import { recordedSteps } from './distil/recorded-steps';
import { batchSize } from './inference/batching';
import { breathe, makeChunk } from './inference/chunk';
import { ChunkSize } from './inference/chunking';
import { abandonDevice, type Device, openDevice } from './inference/device';
import { Failures, NOTICES } from './inference/failures';
import { Inference } from './inference/inference';
import type { AnyDenoiser } from './inference/open-denoiser';
import { leftTogether, makingOrder } from './inference/order';
import type { StoredDType } from './models/export';
import { Library, type LibraryModel } from './models/library';
import type { Model } from './models/model';
import type { CallHooks, EngineServices, GenerateHooks } from './services';
import { statusOf } from './status';

interface Loaded extends LibraryModel {
  ref: ModelRef;
  inference: Inference;
  chunks: ChunkSize;
}

/** What the engine takes of the machine; a test has its own. */
export interface EngineParts {
  openDevice: typeof openDevice;
  abandonDevice: typeof abandonDevice;
  /** Bytes that the back-end holds. */
  memory: () => number;
  /** Milliseconds. */
  now: () => number;
}

const PARTS: EngineParts = {
  openDevice,
  abandonDevice,
  memory: backendBytes,
  now: () => performance.now(),
};

/**
 * The engine inside the worker: one back-end, one model on it, one request at a time. Whoever calls makes sure
 * that calls do not overlap.
 */
export class Engine {
  private options: StartOptions | null = null;
  private device: Device | null = null;
  private models: Library | null = null;
  private loaded: Loaded | null = null;
  private lastForward: EngineStatus['lastForward'] = null;
  private notice: string | null = null;
  private readonly failures: Failures;
  /** Images of a pass at most; smaller after memory ran out. */
  private passLimit = 64;
  private failed: { device: Device; error: InnateError } | null = null;
  /** Identifies the device: changes with each one. */
  private epoch = 0;
  private heldBeside: () => number = () => 0;
  private readonly noise = rememberedNoise();

  /**
   * `onIdleFailure` is told when the device fails; whoever serialises the calls then calls `recoverIdle` in
   * turn, which does nothing when a call has dealt with the failure meanwhile.
   */
  constructor(
    private readonly onStatus: (status: EngineStatus) => void,
    private readonly onIdleFailure: () => void,
    private readonly parts: EngineParts = PARTS,
  ) {
    this.failures = new Failures(parts.now);
  }

  async recoverIdle(): Promise<void> {
    const failed = this.failed;
    this.failed = null;
    if (!failed || failed.device !== this.device) return;
    await this.recover(failed.error);
    this.publish();
  }

  async start(options: StartOptions): Promise<EngineStatus> {
    if (this.device) this.dropDevice();
    if (options.modelsUrl !== this.options?.modelsUrl)
      this.models = new Library(options.modelsUrl, options.fetchedUrl ?? null);
    this.options = options;
    this.notice = null;
    this.failures.clear();
    await this.adoptDevice(options, null);
    return this.publish();
  }

  /**
   * Opens a device again where a failure has left none, and throws where that fails again. Whoever calls awaits it
   * before a call that needs one; it does nothing before the first start.
   */
  async ready(): Promise<void> {
    if (this.device || !this.options) return;
    await this.adoptDevice(this.options, null);
    this.publish();
  }

  open(file: File, choice: FileChoice, hooks: CallHooks, key?: string): Promise<ModelInfo> {
    return this.require().models.open(file, choice, hooks, key);
  }

  async reread(key: string, choice: FileChoice, hooks: CallHooks): Promise<ModelInfo> {
    const info = await this.require().models.reread(key, choice, hooks);
    if (this.loaded?.info.key === key) this.dropModel();
    this.publish();
    return info;
  }

  keep(key: string, keep: boolean, hooks: CallHooks): Promise<ModelInfo> {
    return this.require().models.keepFile(key, keep, hooks);
  }

  kept(hooks: CallHooks): Promise<KeptModels> {
    return this.require().models.openKept(hooks);
  }

  setSigma(key: string, sigma: number): ModelInfo {
    const info = this.require().models.setSigma(key, sigma);
    this.publish();
    return info;
  }

  /** What distillation in this worker needs of the engine. */
  distilServices(): EngineServices {
    const hooks: CallHooks = { signal: new AbortController().signal, onProgress: () => {} };
    const backend = () => this.require().device.backend;
    return {
      modelsUrl: this.require().options.modelsUrl,
      backend,
      recordedSteps: () => recordedSteps(this.require().device),
      epoch: () => this.epoch,
      failure: () => this.require().device.failure,
      recover: async (error, epoch, lighter) => {
        if (epoch !== this.epoch) return; // a request for images met the same failure
        if (backend().name === 'wasm' && error instanceof OutOfMemory) await this.renewMemory();
        else await this.recover(error, lighter);
        this.publish();
      },
      memory: this.parts.memory,
      model: (ref) => this.require().models.get(ref, hooks),
      denoiser: async (model) => (await this.infer(model)).denoiser,
      keep: (model, images, about) => this.require().models.keep(model, images, about),
    };
  }

  /** A model's weights, and where the page's files are, for work that has networks of its own on the back-end. */
  async borrow(ref: ModelRef, hooks: CallHooks): Promise<Model> {
    return (await this.require().models.get(ref, hooks)).model;
  }

  /** The network that makes this model's images, where such work may use it too: its own weights would be the same. */
  sharedNetwork({ weights }: Model): PlannedDenoiser | null {
    if (this.loaded?.model.weights !== weights) return null;
    const { denoiser, precision } = this.loaded.inference;
    return denoiser instanceof PlannedDenoiser && precision === 'f32' ? denoiser : null;
  }

  /** A network of the caller's own for such work, in float32; the caller disposes of it. */
  async openNetwork(model: Model): Promise<AnyDenoiser> {
    return (await Inference.open(this.require().device, model, 'f32')).denoiser;
  }

  /** Counts what such work holds in the status too. */
  alsoHeld(bytes: () => number): void {
    this.heldBeside = bytes;
  }

  /** A forward pass that such work has made, for the status. */
  noteForward(ms: number, images: number): void {
    this.lastForward = { ms, images };
    this.publish();
  }

  get modelsUrl(): string {
    return this.require().options.modelsUrl;
  }

  /** Runs such work; when the device fails it is set up again and the work with it, on another `device`. */
  async onDevice<T>(task: (device: object) => Promise<T>): Promise<T> {
    for (;;) {
      const { device } = this.require();
      const work = task(device);
      work.catch(() => {}); // where the device fails first, the work fails later, unheard
      try {
        return await Promise.race([work, device.failure]);
      } catch (error) {
        await this.recover(asInnateError(error, 'backend'));
        this.publish();
      }
    }
  }

  async exportModel(ref: ModelRef, dtype: StoredDType, hooks: CallHooks): Promise<Blob> {
    const { model } = await this.require().models.get(ref, hooks);
    const { wholeFile } = await loadPart(import('./models/export'));
    return new Blob(wholeFile(model, dtype) as BlobPart[], { type: 'application/octet-stream' });
  }

  async forget(key: string): Promise<void> {
    await this.require().models.forget(key);
    if (this.loaded?.info.key === key) this.dropModel();
    this.publish();
  }

  async load(ref: ModelRef, hooks: CallHooks): Promise<ModelInfo> {
    return (await this.ensureLoaded(ref, hooks)).info;
  }

  /** Makes the images of a request chunk by chunk; `superseded()` is asked between chunks. */
  async generate(request: GenerateRequest, hooks: GenerateHooks): Promise<GenerateOutcome> {
    const order = makingOrder(request);
    for (let done = 0; done < order.images.length; ) {
      if (hooks.superseded()) return 'superseded';
      try {
        const loaded = await this.ensureLoaded(request.model, hooks);
        await breathe(hooks);
        const size = loaded.chunks.next(leftTogether(order, done), done === 0);
        const indices = order.images.slice(done, done + size);
        const { noise } = this;
        const tools = { ...loaded, device: this.require().device, noise };
        const { chunk, evaluationMs } = await makeChunk(tools, request, indices, hooks);
        loaded.chunks.measured(indices.length, chunk.ms);
        this.lastForward = { ms: evaluationMs, images: indices.length };
        hooks.onImages(chunk);
        done += indices.length;
      } catch (error) {
        const known = asInnateError(error, 'backend');
        if (known.code === 'cancelled' && hooks.superseded()) return 'superseded';
        await this.recover(known);
      }
      this.publish();
    }
    return 'complete';
  }

  private async ensureLoaded(ref: ModelRef, hooks: CallHooks): Promise<Loaded> {
    if (this.loaded && sameModel(this.loaded.ref, ref)) return this.loaded;
    const { models, device } = this.require();
    const found = await models.get(ref, hooks);
    if (hooks.signal.aborted) throw new InnateError('cancelled', 'cancelled');
    this.dropModel(); // the old one's memory first
    const { config } = found.model;
    this.loaded = {
      ...found,
      ref,
      inference: await this.infer(found.model),
      chunks: new ChunkSize(batchSize(config, this.passLimit), !device.backend.software),
    };
    this.publish();
    return this.loaded;
  }

  private infer(model: Model): Promise<Inference> {
    const { device, options } = this.require();
    return Inference.open(device, model, options.precision ?? 'auto');
  }

  /**
   * Deals with a failure of the back-end so that the caller can go on, or throws it on. First a smaller pass when
   * memory ran out, then the same kind of device once more, then WebAssembly. `less`: the caller asks less of it already.
   */
  private async recover(error: InnateError, less = false): Promise<void> {
    const { device: failing, options } = this.require();
    if (error.code !== 'backend' || failing.backend.name !== 'webgpu') {
      if (error instanceof OutOfMemory && this.shrinkPasses()) {
        this.notice = NOTICES.fewerImages;
        return;
      }
      if (!this.failures.threadsMayRestart(error)) throw error;
      this.dropModel(); // its threads start anew with it
      this.notice = NOTICES.threads(error);
      return;
    }
    const lighter = (error instanceof OutOfMemory && this.shrinkPasses()) || less;
    this.dropDevice();
    const { backend } = await this.adoptDevice(options, this.failures.whyNoGpu(error, lighter));
    this.notice = (backend.name === 'webgpu' ? NOTICES.gpuAgain : NOTICES.noGpu)(error);
  }

  /** After memory ended inside TensorFlow.js on WebAssembly: that back-end again, with a memory of its own. */
  private async renewMemory(): Promise<void> {
    const { device: old, options } = this.require();
    this.dropDevice();
    const device = await this.adoptDevice({ ...options, preference: 'wasm' }, null);
    device.webgpuReason = old.webgpuReason; // that has not changed
    this.notice = NOTICES.freshMemory;
  }

  /** Halves the images of a pass for good; false when a single one is already too much. */
  private shrinkPasses(): boolean {
    const smaller = this.loaded?.chunks.half() ?? null;
    if (smaller === null) return false;
    this.passLimit = smaller;
    this.dropModel();
    return true;
  }

  private async adoptDevice(options: StartOptions, avoidGpu: string | null): Promise<Device> {
    const device = await this.parts.openDevice(options, avoidGpu).catch((error) => {
      this.notice = NOTICES.noDevice(asInnateError(error, 'backend'));
      this.publish(); // the device before is gone
      throw error;
    });
    this.device = device;
    this.epoch++;
    if (device.backend.gpu)
      device.backend.gpu.onRefusal = (line) => {
        this.notice = line;
        this.publish();
      };
    device.failure.catch((error) => {
      this.failed = { device, error: asInnateError(error, 'backend') };
      this.onIdleFailure();
    });
    return device;
  }

  private dropDevice(): void {
    this.dropModel();
    if (this.device) this.parts.abandonDevice(this.device);
    this.device = null;
  }

  private dropModel(): void {
    this.loaded?.inference.dispose();
    this.loaded = null;
  }

  private require(): { device: Device; options: StartOptions; models: Library } {
    if (this.device && this.options && this.models)
      return { device: this.device, options: this.options, models: this.models };
    throw new InnateError('backend', 'the engine has not been started');
  }

  private publish(): EngineStatus {
    const { device, loaded, lastForward, notice } = this;
    const otherBytes = (device ? this.parts.memory() : 0) + this.heldBeside();
    const status = statusOf({ device, loaded, otherBytes, lastForward, notice });
    this.onStatus(status);
    return status;
  }
}

const sameModel = (a: ModelRef, b: ModelRef): boolean =>
  a.kind === 'catalogue' ? b.kind === 'catalogue' && a.id === b.id : b.kind === 'opened' && a.key === b.key;
