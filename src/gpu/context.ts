import { GpuMemory } from './memory';
import { KernelRefused, Pipelines } from './pipelines';
import { chooseTraits, type KernelTraits, nextForm } from './traits';

/** A device with what our own kernels need of it: compiled pipelines, a memory ledger, the choice of kernels. */
export class GpuContext {
  readonly memory: GpuMemory;
  readonly pipelines: Pipelines;
  /** Told in one line when a kernel was refused and another form takes its place. */
  onRefusal: (line: string) => void = () => {};

  constructor(
    readonly device: GPUDevice,
    /** A CPU pretending to be a GPU: long submissions are split. */
    readonly software: boolean,
    private chosen: KernelTraits,
    /** Whether kernels are compiled one after the other on the calling thread, as Dawn in Node needs it. */
    synchronous = false,
  ) {
    this.memory = new GpuMemory(device);
    this.pipelines = new Pipelines(device, synchronous);
  }

  /** The kernels in use: the adapter's own until the browser or the driver refuses one of them. */
  get traits(): KernelTraits {
    return this.chosen;
  }

  /**
   * Runs `attempt`, which compiles kernels and has no other effect before they are compiled. Where one is refused the
   * attempt is made again with the next form of the same products; `KernelRefused` is thrown when none is left.
   * `from`: the form that the caller has its weights in; the device's by default.
   */
  async inSomeForm<T>(
    attempt: (traits: KernelTraits) => Promise<T>,
    from: KernelTraits = this.traits,
  ): Promise<T> {
    for (let traits = from; ; ) {
      try {
        return await attempt(traits);
      } catch (error) {
        if (!(error instanceof KernelRefused)) throw error;
        traits = this.after(traits, error);
      }
    }
  }

  private after(refused: KernelTraits, error: KernelRefused): KernelTraits {
    if (refused !== this.chosen) return this.chosen; // another network has met it before
    const next = nextForm(refused);
    if (!next) throw error;
    const line = `The browser or the graphics driver refused the kernel "${error.kernel}" (${error.reason}): going on with ${next.reason}.`;
    this.chosen = { ...next, reason: `${next.reason}, after "${error.kernel}" was refused: ${error.reason}` };
    this.onRefusal(line);
    return this.chosen;
  }
}

/** The context of a device, in the form of kernels that suits its adapter unless another one is given. */
export const gpuContext = (
  device: GPUDevice,
  info: GPUAdapterInfo,
  software: boolean,
  traits: KernelTraits = chooseTraits(device, info, software),
): GpuContext => new GpuContext(device, software, traits);
