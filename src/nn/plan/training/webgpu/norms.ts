import { batchNormCurvature } from '../../../../gpu/kernels/batch-norm-curvature';
import { normStatistics } from '../../../../gpu/kernels/norm';
import { groupNormGradient } from '../../../../gpu/kernels/norm-gradient';
import { sumOfRows } from '../../../../gpu/kernels/optimiser';
import type { Node } from '../../graph';
import { storedChannels } from '../../steps';
import { Unplanned } from '../executor';
import { type Normed, type NormGradientPlan, type NormOf, normOf } from '../folding';
import type { Affine } from './expressions';
import type { Rows } from './panels';
import { aligned, type View, wholeView } from './program';
import type { Site } from './site';

/** What a norm has found: factor and offset of every channel, and mean and inverse deviation, for the way back. */
interface Found extends Affine {
  statistics: View;
}

/** What becomes of the gradient of a norm's input, written in its place: (gradient + residual) * scale. */
export interface Joined {
  owner: Node;
  residual: Node | null;
  scale: number;
}

/** Where a norm's gradient leaves its sums for weight and bias, and what is then copied to the rows of each. */
interface ParameterRows {
  view: View;
  base: number;
  stride: number;
  weightAt: number;
  biasAt: number;
  copies: readonly { from: View; to: View; count: number }[];
}

const rowOf = ({ rows: room, base, stride, at }: Rows, image: number, count: number): View => ({
  room,
  offset: 4 * (base + image * stride + at),
  bytes: 4 * count,
});

/** Group and batch norms: statistics are computed where a norm is first read, its values where they are read. */
export class Norms {
  private readonly found = new Map<Node, Found>();

  constructor(private readonly site: Site) {}

  affine(normed: Normed): Found {
    return this.found.get(normed.norm) ?? this.write(normed, null);
  }

  /** Writes the normalised map of a norm that nothing has read yet, with its statistics; false where it was read. */
  apply(normed: Normed, node: Node): boolean {
    if (this.found.has(normed.norm)) return false;
    this.write(normed, node);
    return true;
  }

  /** All gradients that a norm and what follows it have. */
  writeGradients(plan: NormGradientPlan, joined: Joined | null): void {
    const { site } = this;
    const { norm, modulate, silu, dx } = plan;
    const { source, view: affine, statistics, perImage } = this.affine(plan);
    const { images, pixels, channels, width } = this.counts(norm);
    const rows = this.rows(plan);
    const modulated = modulate !== null && plan.vector !== null;
    const [weight, bias] = [norm.inputs[1]!, norm.inputs[2]!];
    const options = { modulated, silu, parameters: rows !== null, residual: !!joined?.residual };
    const { traits } = site.options;
    site.emit({
      kernel: groupNormGradient(options, traits.reducers),
      operands: [
        site.view(source),
        site.view(plan.dy),
        affine,
        statistics,
        ...(modulated ? [site.view(weight), site.view(bias), site.view(modulate)] : []),
        ...(joined?.residual ? [site.view(joined.residual)] : []),
        dx ? site.place(joined?.owner ?? dx) : site.program.value(images * pixels * channels),
        ...(rows ? [rows.view] : []),
        ...(modulated ? [site.place(plan.vector!)] : []),
      ],
      uniforms: {
        pixels,
        channels,
        width,
        vectorStride: modulated ? storedChannels(modulate.shape.channels) : 0,
        rowBase: rows?.base ?? 0,
        rowStride: rows?.stride ?? 0,
        weightAt: rows?.weightAt ?? 0,
        biasAt: rows?.biasAt ?? 0,
        padded: aligned(4 * channels) / 4,
        scaleF: joined?.scale ?? 1,
      },
      grid: [channels / width, perImage ? images : 1, 1],
    });
    for (const { from, to, count } of rows?.copies ?? [])
      site.elements(
        {
          kernel: sumOfRows(),
          operands: [from, to],
          uniforms: { parts: 1, stride: count, base: 0, accumulate: 0 },
        },
        count,
      );
  }

  writeTangent(node: Node): void {
    const { site } = this;
    const { operation: o } = node;
    if (o.op !== 'normTangent') throw new Unplanned(o.op, 'no tangent of a norm');
    const { norm, source, statistics, perImage } = this.forward(node, o);
    const { images, pixels, channels, width } = this.counts(norm);
    const options = { modulated: false, silu: false, parameters: false, residual: false, unscaled: true };
    site.emit({
      kernel: groupNormGradient(options, site.options.traits.reducers),
      operands: [site.view(source), site.view(node.inputs[1]!), statistics, site.place(node)],
      uniforms: {
        ...{ pixels, channels, width, vectorStride: 0, rowBase: 0, rowStride: 0, weightAt: 0, biasAt: 0 },
        padded: channels,
        scaleF: 1,
      },
      grid: [channels / width, perImage ? images : 1, 1],
    });
  }

  writeBatchCurvature(node: Node, eps: number): void {
    const { site } = this;
    const of = { groups: node.shape.channels, eps, over: 'batch' } as const;
    const { norm, source, statistics } = this.forward(node, of);
    const { pixels, channels } = this.counts(norm);
    const { reducers, subgroupReduce } = site.options.traits;
    const [dy, v, weight] = node.inputs.slice(1).map((input) => site.view(input)) as [View, View, View];
    site.emit({
      kernel: batchNormCurvature(reducers, subgroupReduce),
      operands: [site.view(source), dy, v, weight, statistics, site.place(node)],
      uniforms: { pixels, channels },
      grid: [channels, 1, 1],
    });
  }

  /** What the forward pass of the norm that a node is of has found. */
  private forward(node: Node, of: NormOf): Found & { norm: Node } {
    const norm = normOf(this.site.folding, node, of);
    const found = norm && this.found.get(norm);
    if (!found) throw new Unplanned(node.operation.op, 'no norm before it');
    return { norm, ...found };
  }

  /** Where the sums for weight and bias go, null where neither trains. */
  private rows({ norm, weight, bias }: NormGradientPlan): ParameterRows | null {
    if (!weight && !bias) return null;
    const [w, b] = [weight, bias].map((node) => node && this.site.panels.contributions.get(node));
    if (w?.kind !== 'rows' || b?.kind !== 'rows')
      throw new Unplanned('a norm', 'a weight or a bias that trains alone');
    const { rows: room, base, stride } = w;
    if (w.rows === b.rows && w.base === b.base)
      return { view: wholeView(room), base, stride, weightAt: w.at, biasAt: b.at, copies: [] };
    // One of them is the sum of more rows than the other, as where R1 asks a batch norm's scale for more.
    const { images, channels } = this.counts(norm);
    const padded = aligned(4 * channels) / 4;
    const view = this.site.program.value(images * 2 * padded);
    const part = (at: number): View => ({
      ...view,
      offset: view.offset + 4 * at,
      bytes: view.bytes - 4 * at,
    });
    return {
      ...{ view, base: 0, stride: 2 * padded, weightAt: 0, biasAt: padded },
      copies: [w, b].flatMap((rows, i) =>
        Array.from({ length: images }, (_, image) => ({
          from: part((2 * image + i) * padded),
          to: rowOf(rows, image, padded),
          count: padded,
        })),
      ),
    };
  }

  private counts(norm: Node) {
    const { operation: o, shape } = norm;
    if (o.op !== 'groupNorm') throw new Unplanned(o.op, 'no norm');
    if (shape.channels % 4 !== 0) throw new Unplanned('a norm', `${shape.channels} channels`);
    const together = o.over === 'batch';
    const { batch } = this.site;
    return {
      images: together ? 1 : batch,
      pixels: shape.height * shape.width * (together ? batch : 1),
      channels: shape.channels,
      width: shape.channels / o.groups,
      groups: o.groups,
      eps: o.eps,
      perImage: !together,
    };
  }

  private write({ norm, modulate, silu }: Normed, map: Node | null): Found {
    const { site } = this;
    const { images, pixels, channels, width, groups, eps, perImage } = this.counts(norm);
    const [source, weight, bias] = norm.inputs as [Node, Node, Node];
    const read = site.view(source);
    const view = site.program.value(images * 2 * channels);
    const statistics = site.program.value(images * 2 * groups);
    const { traits } = site.options;
    const wide = traits.unit === 'vec4f' && width % 4 === 0;
    const unit = wide ? 4 : 1;
    site.emit({
      kernel: normStatistics(
        {
          sources: 1,
          modulate: modulate !== null,
          wide,
          statistics: true,
          apply: map && (silu ? 'silu' : 'plain'),
        },
        traits.reducers,
        traits.subgroupReduce,
      ),
      operands: [
        read,
        site.view(weight),
        site.view(bias),
        ...(modulate ? [site.view(modulate)] : []),
        view,
        statistics,
        ...(map ? [site.place(map)] : []),
      ],
      uniforms: {
        pixels,
        channels: channels / unit,
        channels1: channels / unit,
        width: width / unit,
        stored: channels,
        epsF: eps,
        vectorOffset: 0,
        vectorStride: modulate ? storedChannels(modulate.shape.channels) : 0,
      },
      grid: [groups, images, 1],
    });
    const found = { source, view, statistics, perImage };
    this.found.set(norm, found);
    return found;
  }
}
