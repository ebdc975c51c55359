import { paddingOf } from '../../features/padding';
import type { FeatureConvOptions, FeatureOps } from '../../ops';
import type { GraphOps, Node } from '../graph';

/** Records frozen feature networks and the mixing. */
export class GraphFeatures implements FeatureOps<Node> {
  constructor(private readonly ops: GraphOps) {}

  conv(x: Node, name: string, options: FeatureConvOptions = {}): Node {
    const { stride = 1, depthwise = false, activation = null, padding = 'tensorflow', bias } = options;
    const kernel = this.ops.weight(name).shape.whole![2]!;
    const [pad, padEnd] = paddingOf(padding, x.shape.height, kernel, stride);
    const y = this.ops.convolution(x, name, { stride, pad, padEnd, depthwise, bias: bias !== false });
    return activation ? this.ops.activate(y, activation) : y;
  }

  resize(x: Node, size: number, alignCorners = false): Node {
    return this.ops.resize(x, size, alignCorners ? 'corners' : 'bilinear');
  }

  toRgb(x: Node): Node {
    return x.shape.channels === 1 ? this.ops.concat(this.ops.concat(x, x), x) : x;
  }

  add(a: Node, b: Node): Node {
    return this.ops.add(a, b);
  }

  scale(x: Node, factor: number): Node {
    return this.ops.scale(x, factor);
  }
}
