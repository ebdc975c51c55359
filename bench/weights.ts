import type { NetworkConfig } from '../src/nn/config';
import { kwargsFromConfig } from '../src/nn/config';
import { type ParameterSpec, parameterSpecs } from '../src/nn/parameters';
import type { WeightSource } from '../src/nn/weights';
import { philox4x32, type Words4 } from '../src/rng/philox';
import { integerSeedNoise } from '../src/rng/seeds';

/**
 * Weights of a network from a seed: independent of any file, bit-identical on every machine, scaled so that
 * activations keep their size. Also the layers that training starts at zero have values: all of them count.
 */
export function seededWeights(config: NetworkConfig, seed: number): WeightSource {
  const specs = new Map(parameterSpecs(config.unet).map((spec, index) => [spec.name, { spec, index }]));
  return {
    names: () => specs.keys(),
    shape: (name) => specs.get(name)?.spec.shape,
    read(name) {
      const { spec, index } = specs.get(name)!;
      const count = spec.shape.reduce((a, b) => a * b, 1);
      // Frequencies as the published class draws them.
      if (spec.buffer) return integerSeedNoise(seed, count).map((z) => 16 * z);
      const { centre, deviation } = distribution(spec);
      return uniform([seed, index], count, centre, deviation);
    },
  };
}

function distribution({ name, shape }: ParameterSpec): { centre: number; deviation: number } {
  if (shape.length === 1) return { centre: /norm\d?\.weight$/.test(name) ? 1 : 0, deviation: 0.1 };
  // One-hot rows of many classes pick a single column: its size must not shrink with their number.
  if (name.endsWith('map_label.weight')) return { centre: 0, deviation: 0.3 };
  const fanIn = shape.slice(1).reduce((a, b) => a * b, 1);
  // The residual branches add up.
  const gain = /(conv1|proj)\.weight$/.test(name) ? 0.5 : 1;
  return { centre: 0, deviation: gain / Math.sqrt(fanIn) };
}

/** Uniform values of that mean and standard deviation; four a Philox block. */
function uniform(
  key: readonly [number, number],
  count: number,
  centre: number,
  deviation: number,
): Float32Array {
  const half = deviation * Math.sqrt(3);
  const out = new Float32Array(count);
  const counter: Words4 = [0, 0, 0, 0];
  const words: Words4 = [0, 0, 0, 0];
  for (let i = 0; i < count; i += 4) {
    counter[0] = i / 4;
    philox4x32(counter, key, words);
    for (let k = 0; k < 4 && i + k < count; k++)
      out[i + k] = centre + half * ((words[k]! + 0.5) * 2 ** -31 - 1);
  }
  return out;
}

/** What the weights' file says of itself, in the form that every reader of the project takes. */
export function weightsMetadata(config: NetworkConfig): Map<string, string> {
  const { top, model } = kwargsFromConfig(config);
  return new Map([
    ['precond', config.precond],
    ...Object.entries(top).map(([key, value]) => [key, String(value)] as const),
    ['model_kwargs', JSON.stringify(model)],
  ]);
}
