import { type FeatureStatistics, Moments } from '../../measure/moments';
import type { Extracted } from './extract';

/**
 * Feature vectors that were computed so far, in the order of their images. On a disk they outlive the process: whatever is
 * measured is a function of them, so a run that was killed goes on behind the last block.
 */
export interface FeatureStore {
  readonly dims: number;
  /** Vectors that are kept. */
  readonly count: number;
  append(block: Extracted): Promise<void>;
  /** Blocks in order, each as it was appended. */
  blocks(): AsyncIterable<Extracted>;
}

/** In memory: for the page, and for few images. */
export class MemoryStore implements FeatureStore {
  private readonly kept: Extracted[] = [];
  count = 0;

  constructor(readonly dims: number) {}

  async append(block: Extracted): Promise<void> {
    this.kept.push(block);
    this.count += block.features.length / this.dims;
  }

  async *blocks(): AsyncIterable<Extracted> {
    yield* this.kept;
  }
}

/** Vectors [from, to) of a store. */
export interface StoreRange {
  readonly store: FeatureStore;
  readonly from: number;
  readonly to: number;
}

export const rangeCount = ({ from, to }: StoreRange): number => to - from;

/** The parts of the blocks that lie in a range, in order; nothing of them is copied. */
export async function* within({ store, from, to }: StoreRange): AsyncGenerator<Extracted> {
  const { dims } = store;
  let at = 0;
  for await (const { features, logits } of store.blocks()) {
    const n = features.length / dims;
    const [a, b] = [Math.max(0, from - at), Math.min(n, to - at)];
    if (a < b) {
      const classes = logits ? logits.length / n : 0;
      yield {
        features: features.subarray(a * dims, b * dims),
        logits: logits?.subarray(a * classes, b * classes) ?? null,
      };
    }
    at += n;
    if (at >= to) return;
  }
}

/** Mean and covariance of a range, block after block. */
export async function statisticsOf(range: StoreRange): Promise<FeatureStatistics> {
  const moments = new Moments(range.store.dims);
  for await (const { features } of within(range)) moments.add(features);
  return moments.statistics();
}

/** The vectors of a range, `most` at most, in one array. */
export async function vectorsOf(range: StoreRange, most: number) {
  const { dims } = range.store;
  const count = Math.min(most, rangeCount(range));
  const values = new Float32Array(count * dims);
  let at = 0;
  for await (const { features } of within({ ...range, to: range.from + count })) {
    values.set(features, at);
    at += features.length;
  }
  return { values, dims };
}
