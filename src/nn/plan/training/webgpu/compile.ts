import { banded } from '../../../../gpu/kernels/banded';
import { deviation, deviationCurvature, deviationGradient } from '../../../../gpu/kernels/deviation';
import type { Kernel } from '../../../../gpu/kernels/kernel';
import { sumOfRows } from '../../../../gpu/kernels/optimiser';
import { shiftAndCut, unit, unitGradient } from '../../../../gpu/kernels/pixels';
import { maxPool, maxPoolGradient, maxPoolTangent } from '../../../../gpu/kernels/pool';
import type { Node } from '../../graph';
import type { Operation, PoolGeometry } from '../../operations';
import { axesOf, axisTable, type Resampling } from '../axes';
import { Unplanned } from '../executor';
import { alone, type Ending, type NormGradientPlan } from '../folding';
import { Attentions } from './attention';
import {
  type Slope,
  writeConvolution,
  writeFilterGradient,
  writeLinear,
  writeWinograd,
} from './convolutions';
import { Expressions } from './expressions';
import { LinearGroups } from './linears';
import { type Joined, Norms } from './norms';
import { writePanel } from './panel-end';
import type { Rows } from './panels';
import type { View } from './program';
import type { Site } from './site';
import { Spectral } from './spectral';
import { Winograd } from './winograd';

/** Writes the calls of a step: a node at a time, in the order of recording. */
export class Compiler {
  /** Sums of squares of all gradients of a panel, in parts, and the nodes that ask for them. */
  readonly squares: { view: View; nodes: readonly Node[] }[] = [];
  readonly winograd: Winograd;
  private readonly expressions: Expressions;
  private readonly norms: Norms;
  private readonly attentions: Attentions;
  private readonly spectral: Spectral;
  private readonly linears: LinearGroups;
  private readonly tables = new Map<string, { view: View; taps: number }>();
  /** Gradients of activations that convolutions' transposes end with. */
  private readonly slopes = new Map<Node, Slope>();
  /** Nodes that are written with another one. */
  private readonly owned = new Set<Node>();

  /** `late`: nodes that only a report reads; they are computed on the host after the run. */
  constructor(
    private readonly site: Site,
    private readonly late: ReadonlySet<Node>,
    kept: ReadonlySet<Node>,
  ) {
    this.expressions = new Expressions(site, late, kept);
    this.norms = new Norms(site);
    this.attentions = new Attentions(site);
    this.spectral = new Spectral(site);
    this.linears = new LinearGroups(site);
    this.winograd = new Winograd(site);
    this.expressions.affine = (normed) => this.norms.affine(normed);
    site.materialise = (node) => {
      const normed = site.views.has(node) ? null : this.expressions.normed(node);
      if (!normed || !this.norms.apply(normed, node)) this.expressions.write(node);
      return site.place(node);
    };
  }

  write(): void {
    const { folding, panels } = this.site;
    this.findSlopes();
    for (const { owner } of this.slopes.values()) this.owned.add(owner);
    for (const node of this.linears.owned) this.owned.add(node);
    for (const node of folding.needed) {
      for (const panel of panels.panels) {
        const view = panel.first === node ? writePanel(this.site, panel) : null;
        if (view) this.squares.push({ view, nodes: panel.squares });
      }
      this.linears.write(node);
      if (this.late.has(node) || panels.folded.has(node) || this.owned.has(node)) continue;
      const plan = folding.normGradients.get(node);
      const ending = folding.endings.get(node);
      if (plan) this.norms.writeGradients(plan, this.joined(plan));
      else if (ending) this.convolution(node, ending);
      else if (!folding.folded.has(node)) this.node(node);
    }
  }

  private node(node: Node): void {
    const write = this.writers[node.operation.op] as Writer<Operation['op']> | undefined;
    if (write) write(node, node.operation);
    else if (!this.expressions.inlined(node)) this.expressions.write(node);
  }

  private readonly writers: { readonly [K in Operation['op']]?: Writer<K> } = {
    input: (node) => void this.site.place(node),
    parameter: () => {}, // where it is read
    conv2d: (node) => this.convolution(node),
    convTransposed: (node) => this.convolution(node),
    filterGradient: (node) => writeFilterGradient(this.site, node),
    outer: (node) => writeFilterGradient(this.site, node),
    normTangent: (node) => this.norms.writeTangent(node),
    batchNormCurvature: (node, o) => this.norms.writeBatchCurvature(node, o.eps),
    linear: (node) => writeLinear(this.site, node),
    linearTransposed: (node) => writeLinear(this.site, node),
    attention: (node) => this.attentions.write(node),
    attentionGradient: (node) => this.attentions.writeGradient(node),
    attentionTangent: (node) => this.attentions.writeTangent(node),
    resize: (node, o) => this.resample(node, o),
    downsample: (node, o) => this.resample(node, o),
    upsample: (node, o) => this.resample(node, o),
    pixelsFrom: (node, o) => this.resample(node, o),
    amongPixels: (node, o) => this.resample(node, o),
    pixelSum: (node) => this.pixelSum(node),
    pixelDot: (node) => this.expressions.writePixelSums(node, { vector: true, rows: [] }),
    imageSum: (node) => this.imageSum(node),
    total: (node) => (this.sumOfSlice(node) ? undefined : this.expressions.writeTotal(node)),
    dotVector: (node) => this.expressions.writeChannelSums(node),
    powerV: () => {}, // with the weight that is normalised
    powerU: () => {},
    spectralNorm: (node) => this.spectral.normalise(node),
    spectralGradient: (node) => this.spectral.gradient(node),
    deviation: (node) => this.deviation(node),
    deviationGradient: (node) => this.deviationGradient(node),
    deviationCurvature: (node) => this.deviationCurvature(node),
    shiftAndCut: (node, o) => this.shift(node, o.transposed),
    unit: (node, o) => this.unit(unit(o.centred), node, o),
    unitGradient: (node, o) => this.unit(unitGradient(o.centred), node, o),
    maxPool: (node, o) => this.maxPool(node, o),
    maxPoolGradient: (node) => this.pooled(maxPoolGradient(), node, node.inputs[1]!),
    maxPoolTangent: (node) => this.pooled(maxPoolTangent(), node, node),
  };

  private convolution(node: Node, ending: Ending = alone(node)): void {
    const slope = this.slopes.get(node) ?? null;
    if (this.winograd.takes(ending.root)) writeWinograd(this.site, this.winograd, node, ending, slope);
    else writeConvolution(this.site, node, ending, slope);
  }

  /** What alone reads the transpose of a convolution, and is the gradient of an activation, is done as it writes. */
  private findSlopes(): void {
    const { folding } = this.site;
    for (const node of folding.needed) {
      const root = folding.endings.get(node)?.root ?? node;
      if (root.operation.op !== 'convTransposed' || (folding.folded.has(node) && root === node)) continue;
      const [reader, ...others] = folding.readers.get(node) ?? [];
      if (!reader || others.length > 0 || folding.folded.has(reader) || this.late.has(reader)) continue;
      const { operation: o, inputs } = reader;
      if (o.op !== 'activateGradient' || inputs[1] !== node || o.kind === 'softplus') continue;
      this.slopes.set(node, { owner: reader, told: inputs[0]!, kind: o.kind });
    }
  }

  /** The sum with what is there already and a number times that, where nothing else reads the gradient of a norm's input. */
  private joined({ sums, dx }: NormGradientPlan): Joined | null {
    if (!dx) return null;
    const joined: Joined = { owner: dx, residual: null, scale: 1 };
    const sum = this.onlyReader(joined.owner);
    const residual = sum?.operation.op === 'add' ? sum.inputs.find((input) => input !== dx) : undefined;
    if (sum && residual && residual.id < sums.id) {
      joined.owner = sum;
      joined.residual = residual;
      this.owned.add(sum);
    }
    const scaled = this.onlyReader(joined.owner);
    if (scaled?.operation.op === 'scale') {
      joined.owner = scaled;
      joined.scale = scaled.operation.factor;
      this.owned.add(scaled);
    }
    return joined;
  }

  /** The one node that reads another, where it is no part of something else. */
  private onlyReader(node: Node): Node | null {
    const { folding } = this.site;
    const [reader, ...others] = folding.readers.get(node) ?? [];
    if (!reader || others.length > 0 || folding.folded.has(reader) || folding.endings.has(reader))
      return null;
    return this.late.has(reader) || this.site.views.has(reader) ? null : reader;
  }

  /** A vector, and where its sum over the images is a gradient, the rows for that; the vector only where something else reads it. */
  private pixelSum(node: Node): void {
    const { folding, panels } = this.site;
    const rows: Rows[] = [];
    let read = false;
    for (const reader of folding.readers.get(node) ?? []) {
      const contribution = panels.contributions.get(reader);
      if (contribution?.kind !== 'rows' || rows.length === 2) {
        read = true;
        continue;
      }
      rows.push(contribution);
      this.owned.add(reader);
    }
    this.expressions.writePixelSums(node, { vector: read || rows.length === 0, rows });
  }

  private imageSum(node: Node): void {
    const { site } = this;
    const contribution = site.panels.contributions.get(node);
    if (contribution?.kind === 'rows') {
      this.expressions.writePixelSums(node, { vector: false, rows: [contribution] });
      return;
    }
    const source = node.inputs[0]!;
    const stride = site.extent(source).stored;
    const uniforms = { parts: site.batch, stride, base: 0, accumulate: 0 };
    site.elements({ kernel: sumOfRows(), operands: [site.view(source), site.place(node)], uniforms }, stride);
  }

  private resample(node: Node, operation: Resampling): void {
    const { site } = this;
    const source = node.inputs[0]!;
    const axis = (size: number, result: number) => this.table(operation, size, result);
    const [{ height, width }, to] = [axesOf(operation, source.shape), axesOf(operation, node.shape)];
    const [rows, columns] = [axis(height, to.height), axis(width, to.width)];
    site.elements(
      {
        kernel: banded(rows.taps, columns.taps),
        operands: [site.view(source), rows.view, columns.view, site.place(node)],
        uniforms: {
          channels: site.extent(node).stored / 4,
          height,
          width,
          outHeight: to.height,
          outWidth: to.width,
        },
      },
      site.values(node) / 4,
    );
  }

  /** The matrix of one axis in memory, once. */
  private table(operation: Resampling, size: number, result: number): { view: View; taps: number } {
    const key = JSON.stringify([operation, size, result]);
    let table = this.tables.get(key);
    if (!table) {
      const { taps, words } = axisTable(operation, size, result);
      // Places are small whole numbers, exact as float32.
      const floats = new Float32Array(words.buffer);
      const numbers = Float32Array.from(floats, (v, i) => (i % (taps + 1) === 0 ? words[i]! : v));
      table = { view: this.site.program.table(numbers), taps };
      this.tables.set(key, table);
    }
    return table;
  }

  private deviation(node: Node): void {
    const { site } = this;
    const { reducers, subgroupReduce } = site.options.traits;
    const x = node.inputs[0]!;
    const { images, pixels, channels, stored } = site.extent(x);
    site.emit({
      kernel: deviation(reducers, subgroupReduce),
      operands: [site.view(x), site.place(node)],
      uniforms: { images, pixels, channels, stored },
      grid: [1, 1, 1],
    });
  }

  /** What a total sums where it is a slice, and the gradient of a deviation alone reads it, which computes it as it goes. */
  private sumOfSlice(total: Node): Node | null {
    const [slice] = total.inputs;
    const wanted =
      total.operation.op === 'total' && slice!.operation.op === 'slice' && slice!.shape.channels === 1;
    return wanted && this.onlyReader(total)?.operation.op === 'deviationGradient' ? slice! : null;
  }

  private deviationGradient(node: Node): void {
    const { site } = this;
    const [x, gradient] = node.inputs as [Node, Node];
    const { images, pixels, channels, stored } = site.extent(x);
    const slice = this.sumOfSlice(gradient);
    const summed = slice && site.extent(slice.inputs[0]!);
    const { operation: o } = slice ?? gradient;
    site.elements(
      {
        kernel: deviationGradient(),
        operands: [site.view(x), site.view(slice?.inputs[0] ?? gradient), site.place(node)],
        uniforms: {
          images,
          pixels,
          channels,
          stored,
          count: summed ? summed.images * summed.pixels : 1,
          stride: summed?.stored ?? 4,
          offset: o.op === 'slice' ? o.from : 0,
        },
      },
      pixels * stored,
    );
  }

  private deviationCurvature(node: Node): void {
    const { site } = this;
    const { images, pixels, channels, stored } = site.extent(node);
    site.elements(
      {
        kernel: deviationCurvature(),
        operands: [...node.inputs.map((input) => site.view(input)), site.place(node)],
        uniforms: { images, pixels, channels, stored },
      },
      pixels * stored,
    );
  }

  private maxPool(node: Node, { kernel, stride, pad }: PoolGeometry): void {
    const { site } = this;
    const source = node.inputs[0]!;
    const { height, width } = source.shape;
    const { height: outHeight, width: outWidth } = node.shape;
    const channels = site.extent(node).stored;
    site.elements(
      {
        kernel: maxPool(),
        operands: [site.view(source), site.place(node)],
        uniforms: { channels, height, width, outHeight, outWidth, kernel, stride, pad },
      },
      site.values(node),
    );
  }

  /** Of 2x2 windows, of which `result` has one value each. */
  private pooled(kernel: Kernel, node: Node, result: Node): void {
    const { site } = this;
    const { height, width } = result.shape;
    site.elements(
      {
        kernel,
        operands: [...node.inputs.map((input) => site.view(input)), site.place(node)],
        uniforms: { channels: site.extent(result).stored, outHeight: height, outWidth: width },
      },
      site.values(result),
    );
  }

  private shift(node: Node, transposed: boolean): void {
    const { site } = this;
    const [x, place] = node.inputs as [Node, Node];
    const { height, width } = node.shape;
    site.elements(
      {
        kernel: shiftAndCut(transposed),
        operands: [site.view(x), site.view(place), site.place(node)],
        uniforms: { channels: site.extent(node).stored, height, width, stride: site.extent(place).stored },
      },
      site.values(node),
    );
  }

  private unit(kernel: Kernel, node: Node, { eps, centred }: { eps: number; centred: boolean }): void {
    const { site } = this;
    const { images, pixels, channels, stored } = site.extent(node);
    if (centred && channels !== stored) throw new Unplanned('a norm of channels', `${channels} channels`);
    site.elements(
      {
        kernel,
        operands: [...node.inputs.map((input) => site.view(input)), site.place(node)],
        uniforms: { channels: stored, epsF: eps },
      },
      images * pixels,
    );
  }
}

type Writer<K extends Operation['op']> = (node: Node, operation: Extract<Operation, { op: K }>) => void;
