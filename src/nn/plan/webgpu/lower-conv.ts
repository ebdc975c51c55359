import { type Contraction, type ContractionOptions, contraction } from '../../../gpu/kernels/contraction';
import { unitSize } from '../../../gpu/kernels/kernel';
import { winogradInput } from '../../../gpu/kernels/winograd';
import type { WeightSource } from '../../weights';
import { type ConvStep, type Epilogue, type LinearStep, type Plan, storedChannels } from '../steps';
import { linearGrid, type Operand } from './dispatch';
import { materialise } from './lower-elements';
import type { Lowering } from './lowering';

const NOTHING: Epilogue = { bias: null, vector: null, residual: null, scale: 1 };

/** Uniforms of a contraction that only attention, or only convolutions, set. */
export const PLAIN = {
  kernel: 1,
  pad: 0,
  outHeight: 1,
  outWidth: 1,
  inHeight: 1,
  inWidth: 1,
  silu: 0,
  heads: 1,
  aBase: 0,
  aImage: 0,
  aHead: 0,
  bBase: 0,
  bColumn: 1,
  bImage: 0,
  bHead: 0,
  oBase: 0,
  oImage: 0,
  oHead: 0,
  affineChannels: 0,
};

/**
 * Which 3x3 convolutions run as Winograd F(2x2, 3x3). Its weights take 16/9 of the memory, so the extra stays
 * below 40 % of all weights, given to the largest maps first: they save the most.
 */
export function chooseWinograd(plan: Plan, source: WeightSource): Set<string> {
  const size = (name: string) => (source.shape(name) ?? []).reduce((a, b) => a * b, 1);
  let budget = 0;
  for (const name of source.names()) budget += 0.4 * size(name);
  const chosen = new Set<string>();
  const candidates = plan.steps.filter(
    (s): s is ConvStep =>
      s.kind === 'conv' && s.kernel === 3 && s.out.channels >= 8 && s.sources[0]!.channels >= 8,
  );
  for (const step of candidates.sort((a, b) => b.out.height - a.out.height)) {
    const extra = (size(`${step.name}.weight`) * 7) / 9;
    if (extra > budget) continue;
    budget -= extra;
    chosen.add(step.name);
  }
  return chosen;
}

export function lowerConv(context: Lowering, step: ConvStep): void {
  if (context.winograd.has(step.name) && patchBytes(context, step) <= context.options.maxBinding)
    winograd(context, step);
  else byTaps(context, step);
}

const tilesOf = ({ out }: ConvStep): number => Math.ceil(out.width / 2) * Math.ceil(out.height / 2);
const inputsOf = ({ sources }: ConvStep): number =>
  sources.reduce((sum, s) => sum + storedChannels(s.channels), 0);

/** Transformed input of a whole batch: four times the map, which large batches cannot bind. */
const patchBytes = ({ batch }: Lowering, step: ConvStep): number =>
  4 * 16 * batch * tilesOf(step) * inputsOf(step);

/** As a sum over the taps, from the sources themselves where the kernel can prepare what it reads. */
function byTaps(context: Lowering, step: ConvStep): void {
  const { sources, prologue, out } = step;
  const { traits } = context.options;
  const channels = sources.reduce((sum, s) => sum + s.channels, 0);
  const prepared = prologue.affine !== null || prologue.silu;
  if (!prepared || traits.tile.kind === 'shared') {
    const inputs = sources.map((s) => context.operand(s));
    direct(context, step, inputs, prepared);
    return;
  }
  // Elsewhere every value would be prepared again for each tap and tile.
  const pixels = sources[0]!.height * sources[0]!.width;
  const input = context.temporary(context.batch * pixels * storedChannels(channels));
  materialise(context, step, NOTHING, input, channels);
  direct(context, { ...step, sources: [{ ...sources[0]!, channels }], out }, [{ scratch: input }], false);
}

function direct(context: Lowering, step: ConvStep, inputs: Operand[], prepared: boolean): void {
  const { sources, prologue, kernel: size, pad, epilogue, out, name } = step;
  const [first, second] = sources as [ConvStep['sources'][number], ConvStep['sources'][number]?];
  const { tile } = context.options.traits;
  const qkv = context.qkv.has(out);
  const contracted = contraction({
    mode: 'conv',
    tile,
    weights: context.packer.precision,
    sources: second ? 2 : 1,
    prologue: prepared ? { affine: prologue.affine !== null, silu: prologue.silu } : null,
    narrow: isNarrow(tile, out.channels),
  });
  const { unit } = contracted;
  const depth1 = storedChannels(first.channels);
  const depth = depth1 + (second ? storedChannels(second.channels) : 0);
  const columns = storedChannels(out.channels);
  const rows = context.batch * out.height * out.width;
  const end = context.epilogue(epilogue, out.channels, unit, qkv);
  context.emit({
    kernel: contracted.kernel,
    operands: [
      ...inputs,
      { weight: context.packer.convolution(name, 'direct', qkv) },
      ...(prepared && prologue.affine ? [context.operand(prologue.affine)] : []),
      ...end.operands,
      context.operand(out),
    ],
    uniforms: {
      ...PLAIN,
      ...end.uniforms,
      rows,
      columns: columns / unit,
      depth: depth / unit,
      depth1: depth1 / unit,
      taps: size * size,
      kernel: size,
      pad,
      outHeight: out.height,
      outWidth: out.width,
      inHeight: first.height,
      inWidth: first.width,
      aStride: depth1 / unit,
      bStride: columns / unit,
      oStride: columns / unit,
      affineChannels: depth / unit,
    },
    grid: gridOf(contracted, rows, columns),
    step,
    flops: 2 * rows * out.channels * size * size * sources.reduce((sum, s) => sum + s.channels, 0),
  });
}

function winograd(context: Lowering, step: ConvStep): void {
  const { sources, prologue, epilogue, pad, out, name } = step;
  const { batch } = context;
  const { tile, unit: inputUnit } = context.options.traits;
  const size = unitSize(inputUnit);
  const inputs = inputsOf(step);
  const columns = storedChannels(out.channels);
  const [tilesX, tilesY] = [Math.ceil(out.width / 2), Math.ceil(out.height / 2)];
  const tiles = batch * tilesOf(step);
  const patches = context.temporary(patchBytes(context, step) / 4);

  let channelOffset = 0;
  for (const source of sources) {
    const channels = storedChannels(source.channels) / size;
    context.emit({
      kernel: winogradInput({ affine: prologue.affine !== null, silu: prologue.silu }, inputUnit),
      operands: [
        context.operand(source),
        ...(prologue.affine ? [context.operand(prologue.affine)] : []),
        { scratch: patches },
      ],
      uniforms: {
        total: tiles * channels,
        channels,
        channelOffset,
        outChannels: inputs / size,
        height: source.height,
        width: source.width,
        pad,
        tilesX,
        tilesY,
        tiles,
        affineChannels: inputs / size,
      },
      grid: linearGrid(Math.ceil((tiles * channels) / 64)),
      step,
      flops: 32 * size * tiles * channels,
    });
    channelOffset += channels;
  }

  const contracted = contraction({
    mode: 'winograd',
    tile,
    weights: context.packer.precision,
    sources: 1,
    prologue: null,
    narrow: isNarrow(tile, out.channels),
  });
  const { unit } = contracted;
  const end = context.epilogue(epilogue, out.channels, unit);
  context.emit({
    kernel: contracted.kernel,
    operands: [
      { scratch: patches },
      { weight: context.packer.convolution(name, 'winograd', false) },
      ...end.operands,
      context.operand(out),
    ],
    uniforms: {
      ...PLAIN,
      ...end.uniforms,
      rows: tiles,
      columns: columns / unit,
      depth: inputs / unit,
      depth1: inputs / unit,
      taps: 16,
      outHeight: out.height,
      outWidth: out.width,
      aStride: inputs / unit,
      bStride: columns / unit,
      oStride: columns / unit,
    },
    grid: gridOf(contracted, tiles, columns),
    step,
    flops: 32 * tiles * inputs * out.channels,
  });
}

/** One matrix product; parts are split where their weights exceed a binding. */
export function lowerLinear(context: Lowering, step: LinearStep): void {
  const { input, inputScale, parts, residual, silu, out } = step;
  const { batch } = context;
  const { tile } = context.options.traits;
  const contracted = contraction({
    mode: 'conv',
    tile,
    weights: context.packer.precision,
    sources: 1,
    prologue: null,
    narrow: false,
  });
  const { unit } = contracted;
  const depth = storedChannels(input.channels);
  const stride = storedChannels(out.channels);
  let offset = 0;
  for (const group of splitParts(parts, context.options.maxBinding / (4 * depth))) {
    const features = group.reduce((sum, p) => sum + p.features, 0);
    let at = offset;
    const biases = group.map((part) => {
      const names = [part.bias ? `${part.name}.bias` : null, context.biasAt(out, at)];
      at += part.features;
      return { names: names.filter((n): n is string => !!n), features: part.features };
    });
    context.emit({
      kernel: contracted.kernel,
      operands: [
        context.operand(input),
        { weight: context.packer.linear(group, input.channels, inputScale) },
        { weight: context.packer.bias(biases) },
        residual ? context.operand(residual) : 'nothing',
        context.operand(out),
      ],
      uniforms: {
        ...PLAIN,
        vectorOffset: 0,
        vectorStride: 0,
        hasVector: 1,
        hasResidual: residual ? 1 : 0,
        scaleF: 1,
        rows: batch,
        columns: storedChannels(features) / unit,
        depth: depth / unit,
        depth1: depth / unit,
        taps: 1,
        silu: silu ? 1 : 0,
        aStride: depth / unit,
        bStride: storedChannels(features) / unit,
        oStride: stride / unit,
        oBase: offset / unit,
      },
      grid: gridOf(contracted, batch, storedChannels(features)),
      step,
      flops: 2 * batch * features * input.channels,
    });
    offset += features;
  }
}

function splitParts<P extends { features: number }>(parts: readonly P[], most: number): P[][] {
  const groups: P[][] = [];
  let size = Number.POSITIVE_INFINITY;
  for (const part of parts) {
    if (size + part.features > most) {
      groups.push([]);
      size = 0;
    }
    groups.at(-1)!.push(part);
    size += part.features;
  }
  return groups;
}

export function gridOf(
  { size }: Contraction,
  rows: number,
  columns: number,
  images = 1,
): [number, number, number] {
  return [Math.ceil(columns / size.columns), Math.ceil(rows / size.rows), images];
}

const isNarrow = (tile: ContractionOptions['tile'], columns: number): boolean =>
  tile.kind === 'subgroup' ? columns <= tile.lanes : tile.kind === 'register' && columns <= 4;
