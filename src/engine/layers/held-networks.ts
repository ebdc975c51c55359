import type { NetworkConfig } from '../../nn/config';
import { parameterCount } from '../../nn/parameters';
import { PlannedDenoiser } from '../../nn/plan/planned-denoiser';
import type { AnyDenoiser } from '../inference/open-denoiser';
import type { Model } from '../models/model';

interface Networks {
  /** Opens one for this keeper. */
  network(model: Model): Promise<AnyDenoiser>;
  /** One of somebody else's, who may dispose of it between two turns; null where there is none. */
  shared(model: Model): AnyDenoiser | null;
}

/** A teacher and its student: on WebAssembly each has threads of its own. */
const MOST = 2;

/**
 * Networks that stay on the back-end while they are looked at, at most two; the least recently used one is given up
 * where they would take more than `budget` bytes together.
 */
export class HeldNetworks {
  /** Networks by their weights; most recently used last. */
  private readonly held = new Map<Model['weights'], AnyDenoiser>();
  private device: object | null = null;

  constructor(
    private readonly networks: Networks,
    private readonly budget: number,
  ) {}

  /** The network of a model on `device`, for this turn: one that is there anyway, or opened where there is none. */
  async get(device: object, model: Model): Promise<AnyDenoiser> {
    if (device !== this.device) this.dispose(); // of no use on another one
    this.device = device;
    const { weights, config } = model;
    let denoiser = this.held.get(weights);
    const shared = this.networks.shared(model);
    if (shared) {
      if (denoiser) this.drop(denoiser); // the same weights twice
      return shared;
    }
    if (!denoiser) {
      const room = this.budget - weightBytes(config);
      for (const [oldest, other] of this.held) {
        const taken = Array.from(this.held.values(), sizeOf).reduce((sum, bytes) => sum + bytes, 0);
        if (this.held.size < MOST && taken <= room) break;
        this.held.delete(oldest);
        other.dispose();
      }
      denoiser = await this.networks.network(model);
    }
    this.held.delete(weights);
    this.held.set(weights, denoiser);
    return denoiser;
  }

  /** Lets go of a network that has failed, if it is held here: the next `get` opens it anew. */
  drop(denoiser: AnyDenoiser): void {
    for (const [weights, other] of this.held) {
      if (other !== denoiser) continue;
      this.held.delete(weights);
      other.dispose();
    }
  }

  /** Bytes held beside what TensorFlow.js counts. */
  get bytes(): number {
    let bytes = 0;
    for (const denoiser of this.held.values())
      if (denoiser instanceof PlannedDenoiser) bytes += denoiser.bytes;
    return bytes;
  }

  dispose(): void {
    for (const denoiser of this.held.values()) denoiser.dispose();
    this.held.clear();
  }
}

const weightBytes = ({ unet }: NetworkConfig): number => 4 * parameterCount(unet);

/** Bytes that a network counts for, at least what its weights will take: a plan uploads them when they are first needed. */
const sizeOf = (denoiser: AnyDenoiser): number =>
  Math.max(weightBytes(denoiser.config), denoiser instanceof PlannedDenoiser ? denoiser.bytes : 0);
