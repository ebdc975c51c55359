import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openBackend } from '../../cli/backend';
import { startNodeThread } from '../../cli/threads';
import type { RecordedFeatures } from '../../src/distil/discriminator';
import { RandomStream } from '../../src/distil/random';
import { toNCHW } from '../../src/nn/denoiser';
import { DistilledDeiT } from '../../src/nn/features/deit';
import { VGG16BN } from '../../src/nn/features/vgg16-bn';
import { Graph, type Node } from '../../src/nn/plan/graph';
import { gradients } from '../../src/nn/plan/training/differentiate';
import type { IterationExecutor } from '../../src/nn/plan/training/executor';
import { GraphFeatures } from '../../src/nn/plan/training/features';
import { opsOn, parametersOf } from '../../src/nn/plan/training/scope';
import { WasmIterations } from '../../src/nn/plan/training/wasm/executor';
import { WebGpuIterations } from '../../src/nn/plan/training/webgpu/executor';
import { drawnWeights } from '../support/drawn';
import { FIXTURES, maxError, readGolden } from '../support/fixtures';
import { ReferenceGraph } from './reference-graph';

/**
 * Feature networks from files as recorded graphs: their maps and the gradient of the image against PyTorch's, and what R1
 * asks of them, how their maps move with the image, against its definition in float64.
 */
const backends = (process.env.INNATE_TEST_BACKENDS ?? 'wasm')
  .split(',')
  .filter((backend) => backend === 'wasm' || backend === 'webgpu');
const golden = readGolden(join(FIXTURES, 'method/large-features.golden.safetensors'));
const shapes = JSON.parse(golden.metadata.get('shapes')!);
const [SEED, RESOLUTION, SIZE] = [11, 32, 64];

const NETWORKS = {
  'vgg16-bn': () => new VGG16BN(drawnWeights(shapes['vgg16-bn'], SEED), SIZE),
  'deit-distilled': () =>
    new DistilledDeiT(drawnWeights(shapes['deit-distilled'], SEED), new RandomStream(3, 'adapters', 0), SIZE),
};

const open = async (backend: string): Promise<IterationExecutor> =>
  backend === 'webgpu'
    ? new WebGpuIterations((await openBackend('webgpu')).gpu!, 'lavapipe')
    : new WasmIterations({ threads: 2, startThread: startNodeThread });

/** Maps of `x`; the gradient of their products with `cotangent I`; and how they move as x moves along `direction`. */
function record({ maps: mapsOn, weights }: RecordedFeatures) {
  const graph = new Graph();
  const ops = opsOn(
    graph,
    parametersOf(graph, '', (name) => weights.shape(name)),
  );
  const x = ops.input('x', { height: RESOLUTION, width: RESOLUTION, channels: 3 });
  const maps = mapsOn<Node>(new GraphFeatures(ops), x);
  const cotangents = maps.map((map, i) => ops.input(`cotangent ${i}`, map.shape));
  const loss = maps
    .map((map, i) => ops.total(ops.pixelDot(map, cotangents[i]!)))
    .reduce((a, b) => ops.add(a, b));
  const gradient = gradients(graph, loss, [x]).get(x)!;
  const moved = gradients(graph, gradient, cotangents, ops.input('direction', x.shape));
  const results = new Map([['gradient', gradient]]);
  for (const [i, map] of maps.entries()) results.set(`map ${i}`, map);
  for (const [i, cotangent] of cotangents.entries()) results.set(`moved ${i}`, moved.get(cotangent)!);
  return { graph, results, maps };
}

const largest = (values: ArrayLike<number>) => {
  let most = 0;
  for (let i = 0; i < values.length; i++) most = Math.max(most, Math.abs(values[i]!));
  return most;
};

describe.each(backends)('on %s', (backend) => {
  it.each(Object.entries(NETWORKS))('%s', { timeout: 240_000 }, async (name, make) => {
    const network = make();
    const { recorded } = network;
    const { graph, results, maps } = record(recorded);
    const random = new RandomStream(SEED, 'discriminatorNoise', 0);
    const cotangents = new RandomStream(SEED, 'featureNoise', 0);
    const count = 3 * RESOLUTION ** 2;
    const inputs = new Map([
      ['x', random.normals(count).map((z) => 0.5 * z)],
      ...maps.map(({ shape: { height, width, channels } }, i): [string, Float32Array] => [
        `cotangent ${i}`,
        cotangents.normals(height * width * channels),
      ]),
      ['direction', random.normals(count)],
    ]);
    const executor = await open(backend);
    const given = { reports: new Map(), updates: [], carried: new Map() };
    const iteration = { graph, results, moving: new Set<string>(), sums: new Map(), ...given };
    await executor.prepare('features', { iteration, batch: 1 });
    const state = new Map<string, Float64Array>();
    for (const parameter of executor.names()) {
      state.set(parameter, Float64Array.from(recorded.weights.read(parameter)));
      executor.write(parameter, state.get(parameter)!);
    }
    const found = await executor.compute('features', inputs);
    const values = new ReferenceGraph(1, inputs, state).run(graph, [...results.values()]);
    executor.dispose();

    const published = (key: string) => {
      const { height, width, channels } = results.get(key)!.shape;
      return toNCHW(found.get(key)!, 1, channels, height * width);
    };
    const close = (ours: Float32Array, expected: Float32Array, relative: number, what: string) =>
      expect(maxError(ours, expected), what).toBeLessThanOrEqual(relative * largest(expected));
    for (const i of maps.keys())
      close(published(`map ${i}`), golden.float(`${name}.map.${i}`), 2e-5, `map ${i}`);
    close(published('gradient'), golden.float(`${name}.grad_input`), 1e-4, 'the gradient of the image');
    for (const i of maps.keys()) {
      const expected = Float32Array.from(values.get(results.get(`moved ${i}`)!)!);
      expect(largest(expected)).toBeGreaterThan(1e-3);
      close(found.get(`moved ${i}`)!, expected, 1e-4, `how map ${i} moves`);
    }
    network.dispose();
  });
});
