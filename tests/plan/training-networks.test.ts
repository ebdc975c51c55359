import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fileSource } from '../../cli/files';
import { startNodeThread } from '../../cli/threads';
import { openModel } from '../../src/engine/models/open-model';
import { fourierFrequencies, oneHot, toNCHW, toNHWC } from '../../src/nn/denoiser';
import { noiseEmbedding } from '../../src/nn/embedding';
import { parameterSpecs } from '../../src/nn/parameters';
import { Graph, GraphOps, vectorShape } from '../../src/nn/plan/graph';
import { gradients } from '../../src/nn/plan/training/differentiate';
import { recordDenoiser } from '../../src/nn/plan/training/generator';
import { WasmIterations } from '../../src/nn/plan/training/wasm/executor';
import { precondCoefficients } from '../../src/nn/precond';
import { FIXTURES, maxError, readGolden } from '../support/fixtures';
import { ReferenceGraph } from './reference-graph';

/**
 * Gradients of mean(D(80 z) * cotangent) by the recorded graph, with respect to everything, against PyTorch's: in float64
 * by definition, and on the kernels of WebAssembly.
 */
describe('whole networks', () => {
  it.each(['mini-ncsnpp-16-cond', 'mini-adm-16-cond'])('%s', { timeout: 120_000 }, async (name) => {
    const golden = readGolden(join(FIXTURES, 'mini', `${name}.golden.safetensors`));
    const { config, weights } = openModel(fileSource(join(FIXTURES, 'mini', `${name}.pkl`)));
    const [n, c, r] = golden.shape('latents') as [number, number, number];
    const graph = new Graph();
    const ops = new GraphOps((parameter) => weights.shape(parameter), { graph });
    const { unet } = config;
    const x = ops.input('x', { height: r, width: r, channels: c });
    const image = recordDenoiser(ops, config, x, 80, {
      noise: ops.input('noise', vectorShape(unet.modelChannels * unet.channelMultNoise)),
      labels: ops.input('labels', vectorShape(unet.labelDim)),
    });
    const parameters = parameterSpecs(unet).filter((s) => !s.buffer && !s.optional);
    const wanted = parameters.map((s) => graph.parameter(s.name, s.shape));
    const found = gradients(graph, image, [...wanted, x], ops.input('cotangent', image.shape));
    expect(found.size).toBe(parameters.length + 1);
    // On the kernels, a gradient is read as state that takes over its value.
    const carried = new Map(
      wanted.map((leaf, i) => [`gradient ${parameters[i]!.name}`, found.get(leaf)!] as const),
    );
    for (const [leaf, gradient] of carried) graph.parameter(leaf, gradient.shape.whole!);

    const cNoise = new Float64Array(n).fill(precondCoefficients(config, 80).cNoise);
    const inputs = new Map([
      ['x', toNHWC(golden.float('latents'), n, c, r * r).map((z) => z * 80)],
      ['noise', noiseEmbedding(unet, cNoise, fourierFrequencies(config, weights))],
      ['labels', oneHot(golden.classes!, unet.labelDim)],
      ['cotangent', toNHWC(golden.float('cotangent'), n, c, r * r).map((v) => v / (n * c * r * r))],
    ]);
    const state = new Map(parameters.map((s) => [s.name, Float64Array.from(weights.read(s.name))]));
    const values = new ReferenceGraph(n, inputs, state).run(graph, [image, ...found.values()]);
    const step = new WasmIterations({ threads: 2, startThread: startNodeThread });
    const [moving, sums] = [new Set<string>(), new Map<string, string>()];
    const iteration = { graph, carried, reports: new Map(), updates: [], moving, sums };
    await step.prepare('gradients', { iteration, batch: n });
    for (const leaf of step.names()) if (state.has(leaf)) step.write(leaf, state.get(leaf)!);
    await step.run('gradients', inputs);

    const close = (gradient: Float32Array, expected: Float32Array, what: string, relative = 1e-5) => {
      const bound = relative * expected.reduce((m, v) => Math.max(m, Math.abs(v)), 0) + 1e-8;
      expect(maxError(gradient, expected), what).toBeLessThanOrEqual(bound);
    };
    for (const [i, { name: parameter }] of parameters.entries()) {
      const expected = golden.float(`grad.${parameter}`);
      close(Float32Array.from(values.get(found.get(wanted[i]!)!)!), expected, parameter);
      close(await step.read(`gradient ${parameter}`), expected, `${parameter} on the kernels`, 1e-4);
    }
    step.dispose();
    close(
      toNCHW(Float32Array.from(values.get(found.get(x)!)!), n, c, r * r),
      golden.float('grad_input'),
      'the image',
    );
  });
});
