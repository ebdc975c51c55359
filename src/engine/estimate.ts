import * as tf from '@tensorflow/tfjs-core';
import { peakBytes } from '../gpu/peak-memory';
import type { DistilRequest, StepEstimate } from './distil-protocol';
import { DistilRun } from './distil-run';
import { openSources, type SourceServices } from './run-sources';

interface EstimateServices extends SourceServices {
  backend(): string;
  failure(): Promise<never>;
}

/** What WebAssembly can address. Tensors that share their data are counted twice here, so the heap stays below. */
const WASM_BYTES = 4e9;
/** Images of the steps that are measured: enough to tell what an image adds, too few to run out. */
const MEASURED = 4;

/**
 * What a step takes, from throw-away steps of two and of four images: the first one compiles, the others give time and
 * memory. Nothing of the run itself is touched.
 */
export async function estimateStep(
  request: DistilRequest,
  services: EstimateServices,
): Promise<StepEstimate> {
  const sources = await openSources(request, services, () => () => {});
  const work = measureSteps(request, sources, services);
  return Promise.race([work, services.failure()]);
}

async function measureSteps(
  request: DistilRequest,
  { teacher, student, data }: Awaited<ReturnType<typeof openSources>>,
  services: EstimateServices,
): Promise<StepEstimate> {
  const backend = services.backend();
  const [few, more] = [2, MEASURED].map((n) => Math.min(n, request.config.batch)) as [number, number];
  const steps: { bytes: number; seconds: number }[] = [];
  let fixedBytes = 0;
  for (const batch of [few, more]) {
    const before = tf.memory().numBytes;
    const run = await DistilRun.start({
      teacher,
      ...(student && { student }),
      data,
      // The discriminator's heads of the paper ask for large batches; memory and time are as with those.
      config: { ...request.config, batch, microBatch: 0, heads: 'small', r1Gamma: 0 },
      features: services.data.feature,
      backend,
      measureImages: 0,
      measureEvery: 0,
    });
    try {
      await run.step(); // compiles, and makes the moments
      fixedBytes = tf.memory().numBytes - before;
      let seconds = 0;
      const bytes = await peakBytes(async () => {
        const started = performance.now();
        await run.step();
        seconds = (performance.now() - started) / 1000;
      });
      steps.push({ bytes: bytes - before, seconds });
    } finally {
      run.dispose();
    }
  }
  const [first, second] = steps as [(typeof steps)[0], (typeof steps)[0]];
  const slope = more > few ? (second.seconds - first.seconds) / (more - few) : 0;
  // A busy machine may make the smaller step the slower one.
  const secondsPerImage = slope > 0 && slope * more <= second.seconds ? slope : second.seconds / more;
  const perImage =
    more > few ? (second.bytes - first.bytes) / (more - few) : (first.bytes - fixedBytes) / few;
  return {
    measuredImages: more,
    secondsPerStep: second.seconds - more * secondsPerImage,
    secondsPerImage,
    fixedBytes: Math.max(fixedBytes, second.bytes - more * perImage),
    bytesPerImage: perImage,
    limitBytes: backend.startsWith('wasm') ? WASM_BYTES : null,
  };
}
