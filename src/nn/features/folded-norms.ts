import type { WeightSource } from '../weights';

/** Tensors of a convolution and of the batch norm behind it; without a bias or a scale where the name is null. */
export interface NormedConvolution {
  weight: string;
  bias: string | null;
  scale: string | null;
  shift: string;
  mean: string;
  variance: string;
}

/**
 * The weights of a network whose batch norms are folded into its convolutions as they are read: LAYER.weight [O, I, h, w] and
 * LAYER.bias [O]. `tensors` names what belongs to a layer; null: it has no norm, and its tensors are the source's own.
 */
export function foldedNorms(
  source: WeightSource,
  eps: number,
  tensors: (layer: string) => NormedConvolution | null,
): WeightSource {
  const of = (name: string) => {
    const [, layer = '', what = ''] = /^(.*)\.(weight|bias)$/.exec(name) ?? [];
    return { conv: layer ? tensors(layer) : null, what };
  };
  const scales = ({ scale, variance }: NormedConvolution): Float32Array => {
    const gains = scale === null ? null : source.read(scale);
    return source.read(variance).map((v, o) => (gains ? gains[o]! : 1) / Math.sqrt(v + eps));
  };
  return {
    names: () => source.names(),
    shape(name) {
      const { conv, what } = of(name);
      return source.shape(conv ? (what === 'bias' ? conv.shift : conv.weight) : name);
    },
    read(name) {
      const { conv, what } = of(name);
      if (!conv) return source.read(name);
      const scale = scales(conv);
      if (what === 'bias') {
        const mean = source.read(conv.mean);
        const bias = conv.bias === null ? null : source.read(conv.bias);
        return source.read(conv.shift).map((s, o) => ((bias ? bias[o]! : 0) - mean[o]!) * scale[o]! + s);
      }
      const values = source.read(conv.weight);
      const fan = values.length / scale.length;
      return values.map((v, i) => v * scale[Math.floor(i / fan)]!);
    },
  };
}
