import type { WeightSource } from '../weights';

/** A tensor that no file has: what a network does by itself, as a layer. */
export interface MadeTensor {
  shape: readonly number[];
  values: Float32Array;
}

/** A source with tensors of our own beside its own. */
export const withTensors = (source: WeightSource, made: ReadonlyMap<string, MadeTensor>): WeightSource => ({
  names: () => [...source.names(), ...made.keys()],
  shape: (name) => made.get(name)?.shape ?? source.shape(name),
  read: (name) => made.get(name)?.values ?? source.read(name),
});

/** The 1x1 convolution `name` that scales and shifts each channel. */
export function channelAffine(
  name: string,
  scale: readonly number[],
  shift: readonly number[],
): [string, MadeTensor][] {
  const count = scale.length;
  const values = new Float32Array(count ** 2);
  for (const [c, factor] of scale.entries()) values[c * count + c] = factor;
  return [
    [`${name}.weight`, { shape: [count, count, 1, 1], values }],
    [`${name}.bias`, { shape: [count], values: Float32Array.from(shift) }],
  ];
}

/** ImageNet's mean and standard deviation of RGB in [0, 1] (torchvision's constants). */
const IMAGENET_MEAN = [0.485, 0.456, 0.406];
const IMAGENET_STD = [0.229, 0.224, 0.225];

/** The 1x1 convolution of RGB images in [-1, 1] to ImageNet's statistics, which a network trained on them expects. */
export const imageNetNormalisation = (name: string): [string, MadeTensor][] =>
  channelAffine(
    name,
    IMAGENET_STD.map((s) => 0.5 / s),
    IMAGENET_MEAN.map((m, i) => (0.5 - m) / IMAGENET_STD[i]!),
  );

/** The 1x1 convolution that puts `from` channels in the middle of `to`, zeros on either side. */
export function centred(name: string, from: number, to: number): [string, MadeTensor] {
  const values = new Float32Array(to * from);
  for (let c = 0; c < from; c++) values[(((to - from) >> 1) + c) * from + c] = 1;
  return [`${name}.weight`, { shape: [to, from, 1, 1], values }];
}
