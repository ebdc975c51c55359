import { WASM_TRAINING_BYTES } from '../lib/backends';
import type { HeadStyle } from '../nn/discriminator/heads';
import { type DistilConfig, type FileFeature, featuresOf, isAdversarial, partSize } from './config';

/** What a batch takes of memory, and what of it is given up first where it does not fit. */

/**
 * The share of what a plan holds of an image that is left where everything is recomputed that can be: 0.41 to 0.44 with the small
 * networks and with CIFAR-10's of 56 M. A GAN's whole batch is recomputed before it is taken in parts: its discriminator compares the images
 * of a batch, so that parts are another run, and in parts student and features look at the fakes once for each network, which
 * costs as much forward as recomputing does. Steps that follow the teacher image by image lose nothing in parts, and are taken in
 * parts first. R1 differentiates gradients, and nothing of its step is recomputed.
 */
export const leastShare = (config: DistilConfig): number =>
  isAdversarial(config.method) && config.r1Gamma === 0 ? 0.45 : 1;

/** What a feature network takes of WebAssembly's memory with its mixing and its heads, by their style: for an image, and its weights in all their forms. */
interface Judge {
  image: Record<HeadStyle, number>;
  weights: number;
}

/** Of features of 128x128; of the teacher's encoder at 32x32. Measured as memory of whole runs, two sizes of a batch each. */
const LITE: Judge = { image: { small: 10.2e6, paper: 16.2e6 }, weights: 0 };
const ENCODER: Judge = { image: { small: 3e6, paper: 9.8e6 }, weights: 0 };
const SECOND: Record<FileFeature, Judge> = {
  'vgg16-bn': { image: { small: 26e6, paper: 54.1e6 }, weights: 0.55e9 },
  'deit-distilled': { image: { small: 22.9e6, paper: 30.5e6 }, weights: 0.92e9 },
};
/** Weights of the paper's heads on the first network, with their gradients and moments. */
const PAPER_BYTES = 0.2e9;
/** What a step of R1 holds of an image, without the student, by what features and heads hold otherwise. */
const R1 = 1.2;

/**
 * Bytes of an image at the peak of a step, whose values share memory by lifetime: 13.7 MB with the small network at 32x32 and
 * features at 128x128. Gradients go through both evaluations of a two-step student: the activations of both are held.
 */
function bytesPerImage(config: DistilConfig, resolution: number): number {
  const { method, heads, features, secondFeatures, featureSize, nfe, r1Gamma } = config;
  const [own, looked] = [(resolution / 32) ** 2, (featureSize / 128) ** 2];
  const network = 3.5e6 * nfe * own;
  if (!isAdversarial(method)) return network + (featuresOf(config) === null ? 0 : LITE.image.small * looked);
  const first = features === 'teacher-encoder' ? ENCODER.image[heads] * own : LITE.image[heads] * looked;
  const second = secondFeatures === 'none' ? 0 : SECOND[secondFeatures].image[heads] * looked;
  const judges = first + second;
  return Math.max(network + judges, r1Gamma > 0 ? R1 * judges : 0);
}

/** Bytes that a run takes whatever its batch, beside the student. */
function fixedBytes({ method, heads, secondFeatures }: DistilConfig): number {
  if (!isAdversarial(method)) return 0;
  const second = secondFeatures === 'none' ? 0 : SECOND[secondFeatures].weights;
  return second + (heads === 'paper' ? PAPER_BYTES : 0);
}

/**
 * On WebAssembly, a batch that would not fit at once, whatever of it is recomputed, is taken in parts of one size. A GPU says itself when
 * its memory ends.
 */
export function fitMicroBatch(config: DistilConfig, resolution: number, backend: string): DistilConfig {
  if (config.microBatch > 0 || backend !== 'wasm') return config;
  const room = WASM_TRAINING_BYTES - fixedBytes(config);
  const fits = Math.max(2, Math.floor(room / leastShare(config) / bytesPerImage(config, resolution)));
  if (fits >= partSize(config)) return config;
  return { ...config, microBatch: Math.ceil(config.batch / Math.ceil(config.batch / fits)) };
}
