import { parameterCount } from '../nn/parameters';
import type { Model } from './model';
import type { AnyDenoiser } from './open-denoiser';

/**
 * Networks that stay on the back-end while they are looked at, the least recently used given up where they would take
 * more than `budget` bytes together.
 */
export class HeldNetworks {
  /** By their weights; most recently used last. */
  private readonly held = new Map<Model['weights'], AnyDenoiser>();
  private device: object | null = null;

  constructor(
    private readonly open: (model: Model) => Promise<AnyDenoiser>,
    private readonly budget: number,
  ) {}

  /** The network of a model on `device`, opened where it is not there. */
  async get(device: object, model: Model): Promise<AnyDenoiser> {
    if (device !== this.device) this.dispose(); // of no use on another one
    this.device = device;
    const { weights, config } = model;
    let denoiser = this.held.get(weights);
    if (!denoiser) {
      const room = this.budget - 4 * parameterCount(config.unet);
      for (const [oldest, other] of this.held) {
        if (this.bytes <= room) break;
        this.held.delete(oldest);
        other.dispose();
      }
      denoiser = await this.open(model);
    }
    this.held.delete(weights);
    this.held.set(weights, denoiser);
    return denoiser;
  }

  /** Lets go of a network that has failed: the next `get` opens it anew. */
  drop(denoiser: AnyDenoiser): void {
    for (const [weights, other] of this.held) if (other === denoiser) this.held.delete(weights);
    denoiser.dispose();
  }

  /** Held beside what TensorFlow.js counts. */
  get bytes(): number {
    let bytes = 0;
    for (const denoiser of this.held.values()) bytes += 'bytes' in denoiser ? denoiser.bytes : 0;
    return bytes;
  }

  dispose(): void {
    for (const denoiser of this.held.values()) denoiser.dispose();
    this.held.clear();
  }
}
