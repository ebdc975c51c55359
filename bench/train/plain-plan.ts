import { RandomStream } from '../../src/distil/random';
import { fourierFrequencies, oneHot } from '../../src/nn/denoiser';
import { noiseEmbedding } from '../../src/nn/embedding';
import { parameterSpecs } from '../../src/nn/parameters';
import { Graph, vectorShape, wholeShape } from '../../src/nn/plan/graph';
import { gradients } from '../../src/nn/plan/training/differentiate';
import type { IterationExecutor } from '../../src/nn/plan/training/executor';
import { recordDenoiser } from '../../src/nn/plan/training/generator';
import { opsOn, parametersOf } from '../../src/nn/plan/training/scope';
import type { Iteration } from '../../src/nn/plan/training/settings';
import { precondCoefficients } from '../../src/nn/precond';
import type { TrainSetup } from './nets';
import type { TrainEngine } from './tfjs-engines';

const PREFIX = 'generator.';

/** The plain step as a plan: the student's one step on noise, the mean square of its images, all gradients, Adam. */
export async function openPlainPlan(setup: TrainSetup, step: IterationExecutor): Promise<TrainEngine> {
  const { network, teacher, config } = setup;
  const { unet } = network;
  const { batch, seed, startSigma } = config;
  await step.prepare('plain', { iteration: record(setup), batch });
  for (const name of step.names())
    if (name.startsWith(PREFIX)) step.write(name, teacher.read(name.slice(PREFIX.length)));
  const cNoise = new Float64Array(batch).fill(precondCoefficients(network, Math.fround(startSigma)).cNoise);
  const noise = noiseEmbedding(unet, cNoise, fourierFrequencies(network, teacher));
  const classes = Array.from({ length: batch }, (_, i) => i % Math.max(1, unet.labelDim));
  const count = batch * unet.imgResolution ** 2 * unet.inChannels;
  let iteration = 0;
  return {
    async step() {
      const inputs = new Map<string, ArrayLike<number>>([
        ['z', new RandomStream(seed, 'generatorNoise', iteration).normals(count)],
        ['noise', noise],
        ['rates', [config.generatorRate, 1 / Math.sqrt(1 - 0.99 ** ++iteration)]],
      ]);
      if (unet.labelDim) inputs.set('labels', oneHot(classes, unet.labelDim));
      const reports = await step.run('plain', inputs);
      return { losses: [reports.get('loss')!], bytes: step.bytes };
    },
  };
}

function record({ network, teacher, config }: TrainSetup): Iteration {
  const { unet } = network;
  const { batch, startSigma } = config;
  const graph = new Graph();
  const parameters = parametersOf(graph, PREFIX, (name) => teacher.shape(name));
  const names = parameterSpecs(unet).flatMap((spec) => (spec.buffer || spec.optional ? [] : [spec.name]));
  const ops = opsOn(graph, parameters);
  const size = { height: unet.imgResolution, width: unet.imgResolution, channels: unet.inChannels };
  const images = recordDenoiser(ops, network, ops.scale(ops.input('z', size), startSigma), startSigma, {
    noise: ops.input('noise', vectorShape(unet.modelChannels * unet.channelMultNoise)),
    labels: unet.labelDim ? ops.input('labels', vectorShape(unet.labelDim)) : null,
  });
  const values = batch * size.height * size.width * unet.outChannels;
  const squares = graph.node({ op: 'pixelDot' }, [images, images], vectorShape(unet.outChannels));
  const loss = ops.scale(ops.total(squares), 1 / values);
  const leaves = names.map((name) => parameters.node(name));
  // The gradient of a mean square is twice the images, over how many values there are.
  const found = gradients(graph, images, leaves, ops.scale(images, 2 / values));
  const rates = ops.input('rates', wholeShape([2]));
  const updates = names.flatMap((name, i) => {
    const gradient = found.get(leaves[i]!);
    if (!gradient) return [];
    const second = graph.parameter(`adam.${name}`, leaves[i]!.shape.whole!);
    return graph.node(
      { op: 'adam', beta2: 0.99, eps: 1e-8 },
      [leaves[i]!, gradient, second, rates],
      leaves[i]!.shape,
    );
  });
  const moving = new Set(names.map((name) => PREFIX + name));
  return { graph, reports: new Map([['loss', loss]]), updates, carried: new Map(), moving, sums: new Map() };
}
