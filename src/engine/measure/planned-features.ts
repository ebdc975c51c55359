import type { PooledNetwork } from '../../nn/ops';
import { Graph, type Node } from '../../nn/plan/graph';
import type { IterationExecutor, OpenExecutor, RecordedStep } from '../../nn/plan/training/executor';
import { GraphFeatures } from '../../nn/plan/training/features';
import { opsOn, parametersOf } from '../../nn/plan/training/scope';
import type { FeaturePass, PixelBatch } from './feature-pass';

/** A feature network as a recorded graph, on planned memory: a graph for each size of images and of batches that it meets. */
export class PlannedFeatures implements FeaturePass {
  private readonly prepared = new Set<string>();
  /** Parameters that lie on the device. */
  private readonly written = new Set<string>();

  private constructor(
    private readonly net: PooledNetwork,
    private readonly executor: IterationExecutor,
  ) {}

  static async open(net: PooledNetwork, open: OpenExecutor): Promise<PlannedFeatures> {
    return new PlannedFeatures(net, await open());
  }

  /** Throws `Unplanned` where the executor has no kernel for the network, and `OutOfMemory`. */
  async run(batch: PixelBatch): Promise<ReadonlyMap<string, Float32Array>> {
    const { values, count, resolution, channels } = batch;
    const size = rounded(count);
    const name = `${size} of ${resolution} x ${resolution} x ${channels}`;
    if (!this.prepared.has(name)) {
      await this.executor.prepare(name, recordFeatures(this.net, { resolution, channels }, size));
      this.write();
      this.prepared.add(name);
    }
    const each = resolution ** 2 * channels;
    const images = size === count ? values : new Float32Array(size * each);
    if (images !== values) images.set(values);
    const found = await this.executor.compute(name, new Map([['images', images]]));
    return new Map(
      Array.from(found, ([key, of]) => [key, size === count ? of : of.slice(0, (of.length / size) * count)]),
    );
  }

  dispose(): void {
    this.executor.dispose();
  }

  private write(): void {
    for (const name of this.executor.names()) {
      if (this.written.has(name)) continue;
      this.executor.write(name, this.net.weights.read(name));
      this.written.add(name);
    }
  }
}

/** Few sizes of batches, so that few graphs are compiled; what is left over is computed of zeros and dropped. */
function rounded(count: number): number {
  const powerOfTwo = 2 ** Math.ceil(Math.log2(count));
  return count > 16 ? Math.ceil(count / 10) * 10 : powerOfTwo;
}

/** A feature network as a graph of `images` with `features` and perhaps `logits` as its results. */
export function recordFeatures(
  net: PooledNetwork,
  { resolution, channels }: Pick<PixelBatch, 'resolution' | 'channels'>,
  batch: number,
): RecordedStep {
  const graph = new Graph();
  const ops = opsOn(
    graph,
    parametersOf(graph, '', (name) => net.weights.shape(name)),
  );
  const images = ops.input('images', { height: resolution, width: resolution, channels });
  const { features, logits } = net.measured<Node>(new GraphFeatures(ops), images);
  const results = new Map([['features', features], ...(logits ? [['logits', logits] as const] : [])]);
  return {
    iteration: {
      graph,
      results,
      reports: new Map(),
      updates: [],
      carried: new Map(),
      moving: new Set(),
      sums: new Map(),
    },
    batch,
  };
}
