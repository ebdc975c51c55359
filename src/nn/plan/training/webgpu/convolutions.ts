import type { ActivationKind, EndOptions } from '../../../../gpu/kernels/activation';
import { contraction } from '../../../../gpu/kernels/contraction';
import { gridOf, isNarrow, PLAIN } from '../../../../gpu/kernels/contraction-call';
import {
  DEPTHWISE_TOGETHER,
  depthwise,
  depthwiseTransposed,
  transposedBlocks,
} from '../../../../gpu/kernels/depthwise';
import { filterGradient, filterSplits } from '../../../../gpu/kernels/filter-gradient';
import { sumOfRows } from '../../../../gpu/kernels/optimiser';
import type { ContractionMode } from '../../../../gpu/kernels/tile';
import { inFloat32 } from '../../../../gpu/traits';
import type { Node } from '../../graph';
import type { ConvGeometry } from '../../operations';
import { storedChannels } from '../../steps';
import { Unplanned } from '../executor';
import { alone, type Ending } from '../folding';
import type { View } from './program';
import type { Site } from './site';
import type { Winograd } from './winograd';

type ConvNode = ConvGeometry & { op: 'conv2d' | 'convTransposed'; bias?: boolean };

/** The gradient of an activation that ends a convolution's transpose: the node that it makes, and the activation's result. */
export interface Slope {
  owner: Node;
  told: Node;
  kind: ActivationKind;
}

/** What follows a product, in the order of the kernel's bindings, with its uniforms in `unit` channels. */
function endingOf(site: Site, ending: Ending, biasNode: Node | null, slope: Slope | null) {
  const { vector, residual, scale, activation } = ending;
  const end: EndOptions = {
    ...(vector && biasNode ? { bias: true } : {}),
    ...(activation ? { activation } : {}),
    ...(slope ? { slope: slope.kind } : {}),
  };
  const added = vector ?? biasNode;
  const operands: (View | null)[] = [
    added && site.view(added),
    residual && site.view(residual),
    ...(end.bias ? [site.view(biasNode!)] : []),
    ...(slope ? [site.view(slope.told)] : []),
  ];
  const uniforms = (unit: 1 | 4) => ({
    vectorOffset: 0,
    vectorStride: vector ? storedChannels(vector.shape.channels) / unit : 0,
    hasVector: added ? 1 : 0,
    hasResidual: residual ? 1 : 0,
    scaleF: scale,
  });
  return { end, operands, uniforms };
}

/** A convolution or its transpose with what follows it, written to the memory of `owner` or of its slope's. */
export function writeConvolution(site: Site, owner: Node, ending: Ending, slope: Slope | null): void {
  const { root } = ending;
  const operation = root.operation as ConvNode;
  const [x, weight, biasNode] = root.inputs as [Node, Node, Node | undefined];
  const follows = endingOf(site, ending, operation.bias ? biasNode! : null, slope);
  const source = site.view(x);
  const filter = site.view(weight);
  const out = site.place(slope?.owner ?? owner);
  const { kernel: size, stride, pad, across = { kernel: size, pad } } = operation;
  const transposed = operation.op === 'convTransposed';
  const [depth, columns] = [storedChannels(x.shape.channels), storedChannels(owner.shape.channels)];
  const geometry = {
    kernel: size,
    stride,
    pad,
    inHeight: x.shape.height,
    inWidth: x.shape.width,
    outHeight: owner.shape.height,
    outWidth: owner.shape.width,
  };
  if (operation.depthwise) {
    const { end } = follows;
    const walked = transposed && stride > 1;
    const { height, width } = owner.shape;
    const [down, across] = walked
      ? [transposedBlocks(height, stride, pad), transposedBlocks(width, stride, pad)]
      : [height, Math.ceil(width / DEPTHWISE_TOGETHER)];
    site.elements(
      {
        kernel: walked
          ? depthwiseTransposed({ size, stride, end })
          : depthwise({ size, stride, turned: transposed, end }),
        operands: [source, filter, ...follows.operands, out],
        uniforms: {
          ...follows.uniforms(1),
          ...geometry,
          channels: columns,
          down,
          across,
          pad: transposed && !walked ? size - 1 - pad : pad,
        },
      },
      site.batch * down * across * columns,
    );
    return;
  }
  const phase = transposed ? stride : 1;
  const rows = site.batch * Math.ceil(owner.shape.height / phase) * Math.ceil(owner.shape.width / phase);
  emitProduct(site, {
    mode: transposed ? 'convTransposed' : 'conv',
    transposed,
    follows,
    operands: [source, filter],
    out,
    rows,
    depth,
    columns,
    phases: phase ** 2,
    geometry: {
      ...geometry,
      kernel: across.kernel,
      pad: across.pad,
      padTop: pad,
      taps: transposed ? Math.ceil(size / phase) ** 2 : size * across.kernel,
    },
  });
}

/** The same of a convolution that is taken in Winograd form: a product for each of its patches' 16 values. */
export function writeWinograd(
  site: Site,
  winograd: Winograd,
  owner: Node,
  ending: Ending,
  slope: Slope | null,
): void {
  const { root } = ending;
  const operation = root.operation as ConvNode;
  const follows = endingOf(site, ending, operation.bias ? root.inputs[2]! : null, slope);
  const filter = winograd.filter(root);
  const { view, tiles } = winograd.patches(root);
  const out = site.place(slope?.owner ?? owner);
  emitProduct(site, {
    mode: 'winograd',
    transposed: false,
    follows,
    operands: [view, filter],
    out,
    rows: tiles,
    depth: storedChannels(root.inputs[0]!.shape.channels),
    columns: storedChannels(owner.shape.channels),
    geometry: { taps: 16, outHeight: owner.shape.height, outWidth: owner.shape.width },
  });
}

/** Linear layers and their transposes: products over the images of a batch. */
export function writeLinear(site: Site, node: Node): void {
  const [v, weight, bias] = node.inputs as [Node, Node, Node | undefined];
  const operands = [site.view(v), site.view(weight)] as const;
  emitProduct(site, {
    mode: 'conv',
    transposed: node.operation.op === 'linearTransposed',
    follows: endingOf(site, alone(node), bias ?? null, null),
    operands,
    out: site.place(node),
    rows: site.batch,
    depth: storedChannels(v.shape.channels),
    columns: storedChannels(node.shape.channels),
    narrow: false,
    geometry: { taps: 1 },
  });
}

interface Product {
  mode: ContractionMode;
  /** The filter lies [tap, columns, depth]. */
  transposed: boolean;
  follows: ReturnType<typeof endingOf>;
  operands: readonly [View, View];
  out: View;
  rows: number;
  /** Stored channels of what is read and what is written. */
  depth: number;
  columns: number;
  /** Products side by side in one call. */
  phases?: number;
  narrow?: boolean;
  /** Of the convolution; its taps. */
  geometry: Record<string, number>;
}

/** A contraction over float32, its counts and strides in the units of its kernel. */
function emitProduct(site: Site, product: Product): void {
  const { mode, transposed, follows, operands, out, rows, depth, columns, phases, geometry } = product;
  const tile = inFloat32(site.options.traits.tile);
  const contracted = contraction({
    mode,
    tile,
    weights: transposed ? 'transposed' : 'f32',
    sources: 1,
    prologue: null,
    narrow: product.narrow ?? isNarrow(tile, columns),
    end: follows.end,
  });
  const { unit } = contracted;
  const [read, written] = [depth / unit, columns / unit];
  site.emit({
    kernel: contracted.kernel,
    operands: [...operands, ...follows.operands, out],
    uniforms: {
      ...PLAIN,
      ...follows.uniforms(unit),
      ...geometry,
      rows,
      columns: written,
      depth: read,
      depth1: read,
      aStride: read,
      ...(transposed ? { bStride: 1, bColumn: read, bTap: depth * written } : { bStride: written }),
      oStride: written,
    },
    grid: gridOf(contracted, rows, columns, phases),
  });
}

/** The gradient of a convolution's or a linear layer's weight: [x, dy] of one, [dy, v] of the other. */
export function writeFilterGradient(site: Site, node: Node): void {
  const { operation: o, inputs } = node;
  if (o.op === 'filterGradient' && o.depthwise)
    throw new Unplanned('a depthwise convolution', 'a filter that trains');
  const linear = o.op === 'outer';
  const [x, dy] = (linear ? [inputs[1], inputs[0]] : inputs) as [Node, Node];
  const [source, gradient] = [site.view(x), site.view(dy)];
  const contribution = site.panels.contributions.get(node);
  const accumulate = contribution?.kind === 'values' && contribution.accumulate ? 1 : 0;
  const out = contribution?.kind === 'values' ? contribution.view : site.place(node);
  const { kernel: size, stride, pad } = o.op === 'filterGradient' ? o : { kernel: 1, stride: 1, pad: 0 };
  const { kernel, size: tile, unit } = filterGradient(site.options.traits);
  const [inputs1, outputs] = [storedChannels(x.shape.channels), storedChannels(dy.shape.channels)];
  const [columns, rows] = [Math.ceil(outputs / tile.columns), Math.ceil(inputs1 / tile.rows)];
  const lines = linear ? site.batch : site.batch * dy.shape.height;
  const taps = size ** 2;
  const values = taps * inputs1 * outputs;
  const splits = filterSplits(site.options.software, taps * columns * rows, values, lines);
  const parts = splits === 1 ? out : site.program.value(splits * values);
  site.emit({
    kernel,
    operands: [source, gradient, parts],
    uniforms: {
      inChannels: inputs1 / unit,
      outChannels: outputs / unit,
      kernel: size,
      taps,
      stride,
      pad,
      inHeight: linear ? 1 : x.shape.height,
      inWidth: linear ? 1 : x.shape.width,
      outHeight: linear ? 1 : dy.shape.height,
      outWidth: linear ? 1 : dy.shape.width,
      lines,
      splits,
      accumulate: splits === 1 ? accumulate : 0,
    },
    grid: [columns, rows, taps * splits],
  });
  if (splits === 1) return;
  site.elements(
    {
      kernel: sumOfRows(),
      operands: [parts, out],
      uniforms: { parts: splits, stride: values, base: 0, accumulate },
    },
    values,
  );
}
