import * as tf from '@tensorflow/tfjs-core';
import { fitMicroBatch } from '../../distil/batch-memory';
import { isAdversarial, studentSampling } from '../../distil/config';
import { backendLine } from '../../lib/words';
import type { DistilRequest, StepEstimate } from '../../protocol/distil';
import { FrechetMeasure } from '../measure/frechet';
import { openMeasureNetwork } from '../measure/measure-networks';
import { openSources, type SourceServices } from '../runs/sources';
import type { EngineServices } from '../services';
import { DistilRun } from './run';
import { makeSamples } from './samples';

type EstimateServices = SourceServices & Pick<EngineServices, 'backend' | 'recordedSteps' | 'failure'>;

type StepServices = Pick<EstimateServices, 'backend' | 'recordedSteps' | 'data'>;

/** What WebAssembly can address is 4.29 GB; its module and gaps between pieces of data take the rest. */
const WASM_BYTES = 4e9;
/** Images of the steps that are measured: enough to tell what an image adds, too few to run out. */
const MEASURED = 4;

/**
 * What a step takes, from throw-away steps of two and of four images: the first one compiles, the second gives time and
 * memory, where the run has R1 a third what that adds. Nothing of the run itself is touched.
 */
export async function estimateStep(
  request: DistilRequest,
  services: EstimateServices,
): Promise<StepEstimate> {
  const sources = await openSources(request, services, () => () => {});
  const work = measureSteps(request, sources, services);
  return Promise.race([work, services.failure()]);
}

/** The estimate for networks and data that are open. */
export async function measureSteps(
  request: DistilRequest,
  sources: Awaited<ReturnType<typeof openSources>>,
  services: StepServices,
): Promise<StepEstimate> {
  const { teacher, data } = sources;
  const backend = services.backend();
  const [few, more] = [2, MEASURED].map((n) => Math.min(n, request.config.batch)) as [number, number];
  const steps: { bytes: number; seconds: number }[] = [];
  let heldBytes = 0;
  for (const batch of [few, more]) {
    const before = tf.memory().numBytes;
    const run = await throwaway(request, sources, services, { batch, microBatch: 0 });
    try {
      await run.step(); // compiles, and makes the moments
      heldBytes = tf.memory().numBytes + run.bytes - before;
      const plain = await measured(run);
      const { method, r1Gamma, r1Every } = request.config;
      const withR1 = isAdversarial(method) && r1Gamma > 0 ? await measured(run) : plain;
      steps.push({
        bytes: Math.max(plain.bytes, withR1.bytes) - before,
        seconds: plain.seconds + Math.max(0, withR1.seconds - plain.seconds) / r1Every,
      });
    } finally {
      run.dispose();
    }
  }
  const [first, second] = steps as [(typeof steps)[0], (typeof steps)[0]];
  const parts = fitMicroBatch(request.config, teacher.config.unet.imgResolution, backend.name);
  const timed =
    parts.microBatch > 0 && parts.microBatch < parts.batch
      ? await secondsInParts(request, sources, services, more)
      : null;
  const slope = more > few ? (second.seconds - first.seconds) / (more - few) : 0;
  // A busy machine may make the smaller step the slower one.
  const secondsPerImage = slope > 0 && slope * more <= second.seconds ? slope : second.seconds / more;
  const perImage = more > few ? (second.bytes - first.bytes) / (more - few) : (first.bytes - heldBytes) / few;
  return {
    measuredImages: more,
    secondsPerStep: timed === null ? second.seconds - more * secondsPerImage : 0,
    secondsPerImage: timed ?? secondsPerImage,
    ...(await secondsOnTheWay(request, { teacher, data }, services)),
    backend: backend.name,
    resolution: teacher.config.unet.imgResolution,
    heldBytes,
    fixedBytes: Math.max(heldBytes, second.bytes - more * perImage),
    bytesPerImage: perImage,
    limitBytes: backend.name === 'wasm' ? WASM_BYTES : null,
  };
}

async function measured(run: DistilRun): Promise<{ bytes: number; seconds: number }> {
  const started = performance.now();
  await run.step();
  return { bytes: run.peakBytes, seconds: (performance.now() - started) / 1000 };
}

type Sources = Awaited<ReturnType<typeof openSources>>;

const throwaway = (
  { config }: DistilRequest,
  { teacher, student, data, secondFeatures, classTable }: Sources,
  services: StepServices,
  size: { batch: number; microBatch: number },
): Promise<DistilRun> =>
  DistilRun.start({
    teacher,
    ...(student && { student }),
    data,
    // Its own heads and feature networks; the third step has R1 where the run has it.
    config: { ...config, ...size, r1Every: 2 },
    features: services.data.feature,
    ...(secondFeatures && { secondFeatures }),
    ...(classTable && { classTable }),
    backend: backendLine(services.backend()),
    recordedSteps: services.recordedSteps(),
    measureImages: 0,
    measureEvery: 0,
  });

/** An image of a batch that is taken in two parts of `part`: what is compiled for one part serves here. */
async function secondsInParts(
  request: DistilRequest,
  sources: Sources,
  services: StepServices,
  part: number,
): Promise<number> {
  const run = await throwaway(request, sources, services, { batch: 2 * part, microBatch: part });
  try {
    const started = performance.now();
    await run.step();
    return (performance.now() - started) / 1000 / (2 * part);
  } finally {
    run.dispose();
  }
}

/** An image of the samples, and one that a distance looks at: the second time, since the first one compiles. */
async function secondsOnTheWay(
  { config, measureImages }: DistilRequest,
  { teacher, data }: Pick<Sources, 'teacher' | 'data'>,
  services: StepServices,
): Promise<Pick<StepEstimate, 'secondsPerSample' | 'secondsPerCompared'>> {
  const seeds = [0, 1, 2, 3];
  const timed = async (task: () => Promise<unknown>) => {
    await task();
    const started = performance.now();
    await task();
    return (performance.now() - started) / 1000;
  };
  const secondsPerSample =
    (await timed(() => makeSamples(teacher, teacher.weights, seeds, studentSampling(config)))) / seeds.length;
  if (measureImages === 0) return { secondsPerSample, secondsPerCompared: 0 };
  const net = await openMeasureNetwork({ features: 'resnet56', weights: services.data.feature });
  try {
    const each = Math.min(8, Math.floor(data.size / 2));
    const seconds = await timed(() => FrechetMeasure.against(net, data, each, each));
    return { secondsPerSample, secondsPerCompared: seconds / (2 * each) };
  } finally {
    net.dispose();
  }
}
