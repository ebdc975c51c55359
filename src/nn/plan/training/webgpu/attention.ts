import { contraction } from '../../../../gpu/kernels/contraction';
import { gridOf, PLAIN } from '../../../../gpu/kernels/contraction-call';
import { linearGrid } from '../../../../gpu/kernels/grid';
import { sumOfRows } from '../../../../gpu/kernels/optimiser';
import { softmax, softmaxGradient } from '../../../../gpu/kernels/softmax';
import { softmaxTangent } from '../../../../gpu/kernels/softmax-tangent';
import { inFloat32 } from '../../../../gpu/traits';
import type { Node } from '../../graph';
import { storedChannels } from '../../steps';
import { Unplanned } from '../executor';
import type { View } from './program';
import type { Site } from './site';

/** One attention: pixels, channels of all heads and of one, and from one row of scores to the next. */
interface Sizes {
  heads: number;
  pixels: number;
  channels: number;
  width: number;
  stride: number;
}

/** A factor of a product for each image and head: a matrix of rows, in float32 values from the beginning of its view. */
interface Factor {
  view: View;
  base: number;
  /** From one row to the next, one image to the next, one head to the next. */
  stride: number;
  image: number;
  head: number;
}

/** softmax(q k' / sqrt(width)) v for each image and head, and its gradient; q, k and v are stored one after the other. */
export class Attentions {
  /** Softmax of scores, kept for the way back, where it was made on the way forward. */
  private readonly weights = new Map<Node, View>();

  constructor(private readonly site: Site) {}

  write(node: Node): void {
    const { site } = this;
    const qkv = node.inputs[0]!;
    const sizes = this.sizes(qkv, node);
    const { pixels, channels, width } = sizes;
    const scores = this.scores(this.softmaxOf(qkv, sizes), sizes);
    const part = this.part(site.view(qkv), sizes);
    const out = this.map(site.place(node), channels, sizes);
    this.product('f32', scores, part(2), out, sizes, { columns: width, depth: pixels, scale: 1 });
  }

  private softmaxOf(qkv: Node, sizes: Sizes): View {
    const known = this.weights.get(qkv);
    if (known) return known;
    const { site } = this;
    const { pixels, width, heads, stride } = sizes;
    const part = this.part(site.view(qkv), sizes);
    const weights = site.program.value(site.batch * heads * pixels * stride);
    this.weights.set(qkv, weights);
    const scale = 1 / Math.sqrt(width);
    const scores = this.scores(weights, sizes);
    this.product('transposed', part(0), part(1), scores, sizes, { columns: pixels, depth: width, scale });
    const { reducers, subgroupReduce } = site.options.traits;
    const rows = site.batch * heads * pixels;
    site.emit({
      kernel: softmax(reducers, subgroupReduce),
      operands: [weights],
      uniforms: { columns: pixels, stride, rows },
      grid: linearGrid(rows),
    });
    return weights;
  }

  /** d weights = dy v'; d scores by softmax; dq = d scores k, dk = (d scores)' q, dv = weights' dy. */
  writeGradient(node: Node): void {
    const { site } = this;
    const [qkv, dyNode] = node.inputs as [Node, Node];
    const sizes = this.sizes(qkv, dyNode);
    const { pixels, channels, width, heads, stride } = sizes;
    const weights = this.softmaxOf(qkv, sizes);
    const square = () => site.program.value(site.batch * heads * pixels * stride);
    const [changes, turnedChanges, turnedWeights] = [square(), square(), square()];
    const part = this.part(site.view(qkv), sizes);
    const dy = this.map(site.view(dyNode), channels, sizes);
    const whole = { columns: pixels, depth: width, scale: 1 };
    this.product('transposed', dy, part(2), this.scores(changes, sizes), sizes, whole);
    const { reducers, subgroupReduce } = site.options.traits;
    const rows = site.batch * heads * pixels;
    site.emit({
      kernel: softmaxGradient(reducers, subgroupReduce),
      operands: [weights, changes, turnedChanges, turnedWeights],
      uniforms: { columns: pixels, stride, rows, factorF: 1 / Math.sqrt(width) },
      grid: linearGrid(rows),
    });
    const gradient = this.part(site.place(node), sizes);
    const mixture = { columns: width, depth: pixels, scale: 1 };
    this.product('f32', this.scores(changes, sizes), part(1), gradient(0), sizes, mixture);
    this.product('f32', this.scores(turnedChanges, sizes), part(0), gradient(1), sizes, mixture);
    this.product('f32', this.scores(turnedWeights, sizes), dy, gradient(2), sizes, mixture);
  }

  /** d scores = (dq k' + q dk') / sqrt(width); d weights by softmax; d weights v + weights dv. */
  writeTangent(node: Node): void {
    const { site } = this;
    const [qkv, along] = node.inputs as [Node, Node];
    const sizes = this.sizes(qkv, node);
    const { pixels, channels, width, heads, stride } = sizes;
    const weights = this.weights.get(qkv);
    if (!weights) throw new Unplanned('attention', 'a tangent without its forward pass');
    const square = () => site.program.value(site.batch * heads * pixels * stride);
    const [moves, others] = [square(), square()];
    const [at, moving] = [this.part(site.view(qkv), sizes), this.part(site.view(along), sizes)];
    const whole = { columns: pixels, depth: width, scale: 1 / Math.sqrt(width) };
    this.product('transposed', moving(0), at(1), this.scores(moves, sizes), sizes, whole);
    this.product('transposed', at(0), moving(1), this.scores(others, sizes), sizes, whole);
    const { reducers, subgroupReduce } = site.options.traits;
    const rows = site.batch * heads * pixels;
    site.emit({
      kernel: softmaxTangent(reducers, subgroupReduce),
      operands: [weights, others, moves],
      uniforms: { columns: pixels, stride, rows },
      grid: linearGrid(rows),
    });
    const mixture = { columns: width, depth: pixels, scale: 1 };
    const added = site.program.value(site.values(node));
    const out = site.place(node);
    this.product('f32', this.scores(moves, sizes), at(2), this.map(out, channels, sizes), sizes, mixture);
    const part = this.map(added, channels, sizes);
    this.product('f32', this.scores(weights, sizes), moving(2), part, sizes, mixture);
    const values = site.values(node);
    const uniforms = { parts: 1, stride: values, base: 0, accumulate: 1 };
    site.elements({ kernel: sumOfRows(), operands: [added, out], uniforms }, values);
  }

  private sizes(qkv: Node, result: Node): Sizes {
    const heads = qkv.attentionHeads;
    const { height, width: columns, channels } = result.shape;
    const [pixels, width] = [height * columns, channels / heads];
    if (width % 4 !== 0) throw new Unplanned('attention', `${width} channels a head`);
    return { heads, pixels, channels, width, stride: storedChannels(pixels) };
  }

  private part(view: View, { pixels, channels, width }: Sizes): (which: 0 | 1 | 2) => Factor {
    return (which) => ({
      view,
      base: which * channels,
      stride: 3 * channels,
      image: pixels * 3 * channels,
      head: width,
    });
  }

  private map(view: View, channels: number, { pixels, width }: Sizes): Factor {
    return { view, base: 0, stride: channels, image: pixels * channels, head: width };
  }

  private scores(view: View, { heads, pixels, stride }: Sizes): Factor {
    return { view, base: 0, stride, image: heads * pixels * stride, head: pixels * stride };
  }

  /** out = scale a b, or a b' where `weights` says that b is stored with the depth last. */
  private product(
    weights: 'f32' | 'transposed',
    a: Factor,
    b: Factor,
    out: Factor,
    { heads, pixels }: Sizes,
    { columns, depth, scale }: { columns: number; depth: number; scale: number },
  ): void {
    const { site } = this;
    const tile = inFloat32(site.options.traits.tile);
    const product = contraction({ mode: 'matrix', tile, weights, sources: 1, prologue: null, narrow: false });
    const { unit } = product;
    const count = (values: number) => (unit === 1 ? values : storedChannels(values) / 4);
    site.emit({
      kernel: product.kernel,
      operands: [a.view, b.view, null, null, out.view],
      uniforms: {
        ...PLAIN,
        vectorOffset: 0,
        vectorStride: 0,
        hasVector: 0,
        hasResidual: 0,
        scaleF: scale,
        rows: pixels,
        columns: count(columns),
        depth: count(depth),
        depth1: count(depth),
        taps: 1,
        heads,
        aBase: a.base / unit,
        aStride: a.stride / unit,
        aImage: a.image / unit,
        aHead: a.head / unit,
        bBase: b.base / unit,
        ...(weights === 'transposed'
          ? { bStride: 1, bColumn: b.stride / unit }
          : { bStride: b.stride / unit }),
        bImage: b.image / unit,
        bHead: b.head / unit,
        oBase: out.base / unit,
        oStride: out.stride / unit,
        oImage: out.image / unit,
        oHead: out.head / unit,
      },
      grid: gridOf(product, pixels, storedChannels(columns), site.batch * heads),
    });
  }
}
