import { type Graph, type Node, wholeShape } from '../graph';

/** A weight after one power iteration from `u`. */
export interface NormalisedWeight {
  weight: Node;
  /** The power vector of this pass: where the next one begins. */
  u: Node;
}

/**
 * Spectral normalisation (Miyato et al. 2018) as torch.nn.utils.spectral_norm does it: one power iteration a forward
 * pass, and the weight [out, ...] divided by the singular value it finds; the vectors are constants of the gradient.
 */
export function spectrallyNormalised(graph: Graph, weight: Node, u: Node): NormalisedWeight {
  const fanIn = weight.shape.channels / u.shape.channels;
  const v = graph.node({ op: 'powerV' }, [weight, u], wholeShape([fanIn]));
  const next = graph.node({ op: 'powerU' }, [weight, v], u.shape);
  return { weight: graph.node({ op: 'spectralNorm' }, [weight, next, v], weight.shape), u: next };
}
