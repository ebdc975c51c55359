import { banded } from '../../../../gpu/kernels/banded';
import { deviation, deviationGradient, maxPool, maxPoolGradient } from '../../../../gpu/kernels/deviation';
import { panelSquares, panelStep, SQUARE_SHARES, sumOfRows } from '../../../../gpu/kernels/optimiser';
import { bandTable, transposed } from '../../../../simd/calls/maps';
import type { Node } from '../../graph';
import type { Operation } from '../../operations';
import { axisMatrix, filterMatrix } from '../axes';
import { Unplanned } from '../executor';
import { Attentions } from './attention';
import { type Slope, writeConvolution, writeFilterGradient, writeLinear } from './convolutions';
import { Expressions } from './expressions';
import { Norms } from './norms';
import type { Panel } from './panels';
import { type View, whole } from './program';
import type { Site } from './site';
import { Spectral } from './spectral';

/** Writes the calls of a step: a node at a time, in the order of recording. */
export class Compiler {
  /** Sums of squares of all gradients of a panel, in parts, and the nodes that ask for them. */
  readonly squares: { view: View; nodes: readonly Node[] }[] = [];
  private readonly expressions: Expressions;
  private readonly norms: Norms;
  private readonly attentions: Attentions;
  private readonly spectral: Spectral;
  private readonly tables = new Map<string, { view: View; taps: number }>();
  /** Gradients of activations that convolutions' transposes end with. */
  private readonly slopes = new Map<Node, Slope>();

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
    this.expressions.affine = (normed) => this.norms.affine(normed);
    site.materialise = (node) => this.expressions.write(node);
  }

  write(): void {
    const { folding, panels } = this.site;
    this.findSlopes();
    const owned = new Set(Array.from(this.slopes.values(), ({ owner }) => owner));
    for (const node of folding.needed) {
      for (const panel of panels.panels) if (panel.first === node) this.step(panel);
      if (this.late.has(node) || panels.folded.has(node) || owned.has(node)) continue;
      const plan = folding.normGradients.get(node);
      const ending = folding.endings.get(node);
      if (plan) this.norms.writeGradients(plan);
      else if (ending) writeConvolution(this.site, node, ending, this.slopes.get(node) ?? null);
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
    linear: (node) => writeLinear(this.site, node),
    linearTransposed: (node) => writeLinear(this.site, node),
    attention: (node) => this.attentions.write(node),
    attentionGradient: (node) => this.attentions.writeGradient(node),
    resize: (node, o) => this.resample(node, o),
    downsample: (node, o) => this.resample(node, o),
    upsample: (node, o) => this.resample(node, o),
    pixelSum: (node) => (this.summedLater(node) ? undefined : this.expressions.writePixelSums(node)),
    pixelDot: (node) => this.expressions.writePixelSums(node),
    imageSum: (node) => this.imageSum(node),
    total: (node) => this.expressions.writeTotal(node),
    dotVector: (node) => this.expressions.writeChannelSums(node),
    powerV: () => {}, // with the weight that is normalised
    powerU: () => {},
    spectralNorm: (node) => this.spectral.normalise(node),
    spectralGradient: (node) => this.spectral.gradient(node),
    deviation: (node) => this.deviation(node),
    deviationGradient: (node) => this.deviationGradient(node),
    maxPool: (node) => this.pool(node, node),
    maxPoolGradient: (node) => this.pool(node, node.inputs[1]!),
  };

  private convolution(node: Node): void {
    const alone = { root: node, vector: null, residual: null, scale: 1, activation: null };
    writeConvolution(this.site, node, alone, this.slopes.get(node) ?? null);
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

  /** Whether a sum over pixels is made where it is summed over the images. */
  private summedLater(node: Node): boolean {
    const [reader, ...others] = this.site.folding.readers.get(node) ?? [];
    return others.length === 0 && !!reader && this.site.panels.contributions.get(reader)?.kind === 'rows';
  }

  private imageSum(node: Node): void {
    const { site } = this;
    const contribution = site.panels.contributions.get(node);
    const source = node.inputs[0]!;
    if (contribution?.kind !== 'rows') {
      const stride = site.extent(source).stored;
      const uniforms = { parts: site.batch, stride, base: 0, accumulate: 0 };
      site.elements(
        { kernel: sumOfRows(), operands: [site.view(source), site.place(node)], uniforms },
        stride,
      );
      return;
    }
    const { rows, base, stride, at } = contribution;
    const summed = source.operation.op === 'pixelSum' && this.summedLater(source) ? source : node;
    this.expressions.writePixelSums(summed, { view: whole(rows), base: base + at, stride });
  }

  private resample(node: Node, operation: Resampling): void {
    const { site } = this;
    const source = node.inputs[0]!;
    const axis = (size: number, result: number) => this.table(operation, size, result);
    const { height, width } = source.shape;
    const [rows, columns] = [axis(height, node.shape.height), axis(width, node.shape.width)];
    site.elements(
      {
        kernel: banded(),
        operands: [site.view(source), rows.view, columns.view, site.place(node)],
        uniforms: {
          channels: site.extent(node).stored,
          height,
          width,
          outHeight: node.shape.height,
          outWidth: node.shape.width,
          rowTaps: rows.taps,
          columnTaps: columns.taps,
        },
      },
      site.values(node),
    );
  }

  /** The matrix of one axis in memory, once. */
  private table(operation: Resampling, size: number, result: number): { view: View; taps: number } {
    const key = JSON.stringify([operation, size, result]);
    let table = this.tables.get(key);
    if (!table) {
      const values =
        operation.op === 'downsample'
          ? filterMatrix(operation, size, result)
          : operation.op === 'upsample'
            ? transposed(size, filterMatrix(operation, result, size)).map((v) => 2 * v)
            : operation.transposed
              ? transposed(size, axisMatrix(operation.method, result, size))
              : axisMatrix(operation.method, size, result);
      const { taps, words } = bandTable(result, values);
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

  private deviationGradient(node: Node): void {
    const { site } = this;
    const [x, gradient] = node.inputs as [Node, Node];
    const { images, pixels, channels, stored } = site.extent(x);
    site.elements(
      {
        kernel: deviationGradient(),
        operands: [site.view(x), site.view(gradient), site.place(node)],
        uniforms: { images, pixels, channels, stored },
      },
      pixels * stored,
    );
  }

  private pool(node: Node, result: Node): void {
    const { site } = this;
    const { height, width } = result.shape;
    site.elements(
      {
        kernel: node === result ? maxPool() : maxPoolGradient(),
        operands: [...node.inputs.map((input) => site.view(input)), site.place(node)],
        uniforms: { channels: site.extent(result).stored, outHeight: height, outWidth: width },
      },
      site.values(result),
    );
  }

  /** What is left of a panel's gradients, its squares, and Adam with the average. */
  private step(panel: Panel): void {
    const { site } = this;
    for (const { rows, count, stride, gradients } of panel.summed)
      site.elements(
        {
          kernel: sumOfRows(),
          operands: [whole(rows), gradients],
          uniforms: { parts: count, stride, base: 0, accumulate: 0 },
        },
        stride,
      );
    const total = panel.gradients.bytes / 4;
    if (panel.squares.length > 0) {
      const { reducers, subgroupReduce } = site.options.traits;
      const view = site.program.value(SQUARE_SHARES);
      site.emit({
        kernel: panelSquares(reducers, subgroupReduce),
        operands: [whole(panel.gradients), view],
        uniforms: { total },
        grid: [SQUARE_SHARES, 1, 1],
      });
      this.squares.push({ view, nodes: panel.squares });
    }
    const { averages, share, rates, beta2, eps } = panel;
    if (averages && !share) throw new Unplanned('an average', 'no share of the new value');
    site.elements(
      {
        kernel: panelStep(averages !== null),
        operands: [
          whole(panel.gradients),
          site.view(rates),
          ...(averages ? [site.view(share!)] : []),
          whole(panel.parameters),
          whole(panel.seconds),
          ...(averages ? [whole(averages)] : []),
        ],
        uniforms: { beta2F: beta2, epsF: eps },
      },
      total,
    );
  }
}

type Writer<K extends Operation['op']> = (node: Node, operation: Extract<Operation, { op: K }>) => void;

type Resampling = Extract<Operation, { op: 'resize' | 'downsample' | 'upsample' }>;
