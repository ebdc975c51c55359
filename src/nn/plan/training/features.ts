import { paddingOf } from '../../features/padding';
import type { FeatureConvOptions, PooledOps, TokenOps } from '../../ops';
import type { GraphOps, Node } from '../graph';

/** Records frozen feature networks and the mixing. */
export class GraphFeatures implements PooledOps<Node>, TokenOps<Node> {
  constructor(private readonly ops: GraphOps) {}

  conv(x: Node, name: string, options: FeatureConvOptions = {}): Node {
    const { stride = 1, depthwise = false, activation = null, padding = 'tensorflow', bias } = options;
    const [, , kernel, columns] = this.ops.weight(name).shape.whole as [number, number, number, number];
    const [pad, padEnd] = paddingOf(padding, x.shape.height, kernel, stride);
    const [left, right] = paddingOf(padding, x.shape.width, columns, stride);
    const y = this.ops.convolution(x, name, {
      stride,
      pad,
      padEnd,
      across: { pad: left, padEnd: right },
      depthwise,
      bias: bias !== false,
    });
    return activation ? this.ops.activate(y, activation) : y;
  }

  scope(module: () => Node): Node {
    return this.ops.scope(module);
  }

  resize(x: Node, size: number, alignCorners = false): Node {
    return this.ops.resize(x, size, alignCorners ? 'corners' : 'bilinear');
  }

  toRgb(x: Node): Node {
    return x.shape.channels === 1 ? this.join([x, x, x]) : x;
  }

  add(a: Node, b: Node): Node {
    return this.ops.add(a, b);
  }

  scale(x: Node, factor: number): Node {
    return this.ops.scale(x, factor);
  }

  halved(x: Node): Node {
    return this.ops.maxPool(x);
  }

  block(x: Node, part: (x: Node) => Node): Node {
    return part(x);
  }

  resizeAsTensorFlow1(x: Node, size: number): Node {
    return this.ops.resize(x, size, 'tensorflow-1');
  }

  averagedDown(x: Node, size: number): Node {
    const factor = x.shape.height / size;
    return factor > 1 && Number.isInteger(factor) ? this.ops.resize(x, size, 'box') : x;
  }

  relu(x: Node): Node {
    return this.ops.activate(x, 'relu');
  }

  maxPool(x: Node, where: 'halves' | 'around'): Node {
    return this.ops.maxPool(
      x,
      where === 'halves' ? { kernel: 3, stride: 2, pad: 0 } : { kernel: 3, stride: 1, pad: 1 },
    );
  }

  averageAround(x: Node): Node {
    return this.ops.averageAround(x);
  }

  tokens(x: Node, name: string, first: number): Node {
    const { graph } = this.ops;
    const { height, width, channels } = x.shape;
    const row = { height: first + height * width, width: 1, channels };
    const behind = graph.node({ op: 'amongPixels', from: first }, [x], row);
    return graph.node({ op: 'addMap' }, [behind, this.ops.weight(name)], row);
  }

  square(x: Node, first: number): Node {
    const side = Math.sqrt(x.shape.height * x.shape.width - first);
    const shape = { height: side, width: side, channels: x.shape.channels };
    return this.ops.graph.node({ op: 'pixelsFrom', from: first }, [x], shape);
  }

  normalised(x: Node, eps: number): Node {
    return this.ops.graph.node({ op: 'unit', eps, centred: true }, [x], x.shape);
  }

  gelu(x: Node): Node {
    return this.ops.graph.node({ op: 'gelu' }, [x], x.shape);
  }

  attention(qkv: Node, heads: number): Node {
    return this.ops.attention(qkv, heads);
  }

  enlarged(x: Node, name: string): Node {
    const weight = this.ops.weight(name);
    const [, channels, kernel] = weight.shape.whole as [number, number, number, number];
    const { height, width } = x.shape;
    const geometry = { kernel, stride: kernel, pad: 0, padEnd: 0, depthwise: false };
    const y = this.ops.graph.node({ op: 'convTransposed', name, ...geometry }, [x, weight], {
      height: kernel * height,
      width: kernel * width,
      channels,
    });
    return this.ops.addBias(y, name);
  }

  join(maps: readonly Node[]): Node {
    return maps.reduce((joined, map) => this.ops.concat(joined, map));
  }

  mean(x: Node): Node {
    return this.ops.mean(x);
  }

  linear(v: Node, name: string): Node {
    return this.ops.linear(v, name, { bias: false });
  }
}
