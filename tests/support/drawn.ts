import { RandomStream } from '../../src/distil/random';
import type { WeightSource } from '../../src/nn/weights';

/** Weights that are not stored: each tensor from a stream of its own, as `fill` of tests/fixtures/plain_torch.py draws them. */
export function drawnWeights(
  shapes: Readonly<Record<string, readonly number[]>>,
  seed: number,
): WeightSource {
  const places = new Map(Object.keys(shapes).map((name, i) => [name, i]));
  return {
    names: () => places.keys(),
    shape: (name) => shapes[name],
    read(name) {
      const shape = shapes[name]!;
      const count = shape.reduce((a, b) => a * b, 1);
      const stream = new RandomStream(seed, 'heads', places.get(name)!);
      if (name.endsWith('running_var')) return stream.uniforms(count).map((u) => u + 0.5);
      const normals = stream.normals(count);
      if (shape.length >= 2) {
        const scale = /token|pos_embed/.test(name) ? 0.5 : Math.sqrt(1.5 / (count / shape[0]!));
        return normals.map((z) => z * scale);
      }
      return normals.map(name.endsWith('.weight') ? (z) => 1 + 0.2 * z : (z) => 0.2 * z);
    },
  };
}
