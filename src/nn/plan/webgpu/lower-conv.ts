import { contraction } from '../../../gpu/kernels/contraction';
import { gridOf, isNarrow, PLAIN } from '../../../gpu/kernels/contraction-call';
import { linearGrid } from '../../../gpu/kernels/grid';
import { unitSize } from '../../../gpu/kernels/kernel';
import { winogradInput } from '../../../gpu/kernels/winograd';
import { type ConvStep, type Epilogue, type LinearPart, type LinearStep, storedChannels } from '../steps';
import type { Operand, Scratch } from './dispatch';
import { materialise } from './lower-elements';
import type { Lowering } from './lowering';

const NOTHING: Epilogue = { bias: null, vector: null, residual: null, scale: 1, gain: null };

/** Emits a convolution in Winograd form where the layout says so and its patches fit one binding, else tap by tap. */
export function lowerConv(context: Lowering, step: ConvStep): void {
  if (context.layout.winograd.has(step.name) && patchBytes(context, step) <= context.options.maxBinding)
    winograd(context, step);
  else byTaps(context, step);
}

const tilesOf = ({ out }: ConvStep): number => Math.ceil(out.width / 2) * Math.ceil(out.height / 2);
const inputsOf = ({ sources }: ConvStep): number =>
  sources.reduce((sum, s) => sum + storedChannels(s.channels), 0);

/** Bytes of a whole batch's transformed input: four times the map's, which large batches cannot bind. */
const patchBytes = ({ batch }: Lowering, step: ConvStep): number =>
  4 * 16 * batch * tilesOf(step) * inputsOf(step);

/**
 * Does a convolution as a sum over its taps, from the sources themselves where the kernel can prepare what it reads.
 */
function byTaps(context: Lowering, step: ConvStep): void {
  const { sources, prologue } = step;
  const channels = sources.reduce((sum, s) => sum + s.channels, 0);
  const prepared = prologue.affine !== null || prologue.silu;
  if (!prepared || context.tile.kind === 'shared') {
    const inputs = sources.map((s) => ({ operand: context.operand(s), channels: s.channels }));
    direct(context, step, inputs, prepared);
    return;
  }
  // Elsewhere every value would be prepared again for each tap and tile: it is done once, in memory of its own.
  const pixels = sources[0]!.height * sources[0]!.width;
  const input = context.temporary(context.batch * pixels * storedChannels(channels));
  materialise(context, step, NOTHING, input, channels);
  direct(context, step, [{ operand: { scratch: input }, channels }], false);
}

/** A map that a convolution's kernel reads: one of the step's sources, or what was prepared from all of them. */
interface ReadMap {
  operand: Operand;
  channels: number;
}

/** `inputs` are one or two maps of the sources' height and width, prepared by the kernel where `prepared` says so. */
function direct(context: Lowering, step: ConvStep, inputs: readonly ReadMap[], prepared: boolean): void {
  const { sources, prologue, kernel: size, pad, epilogue, out, name } = step;
  const [first, second] = inputs as readonly [ReadMap, ReadMap?];
  const { height, width } = sources[0]!;
  const { tile } = context;
  const qkv = out.attentionHeads > 0;
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
      ...inputs.map(({ operand }) => operand),
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
      padTop: pad,
      outHeight: out.height,
      outWidth: out.width,
      inHeight: height,
      inWidth: width,
      aStride: depth1 / unit,
      bStride: columns / unit,
      oStride: columns / unit,
      affineChannels: depth / unit,
    },
    grid: gridOf(contracted, rows, columns),
    step,
    gain: end.gain,
    flops: 2 * rows * out.channels * size * size * inputs.reduce((sum, { channels }) => sum + channels, 0),
  });
}

function winograd(context: Lowering, step: ConvStep): void {
  const { sources, prologue, epilogue, pad, out, name } = step;
  const { batch, tile } = context;
  const { unit: inputUnit } = context.options.traits;
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
    gain: end.gain,
    flops: 32 * tiles * inputs * out.channels,
  });
}

/**
 * One matrix product; the matrix is split where it exceeds a binding. Parts that are outputs are made once more: they
 * are wanted without the biases that they carry for others.
 */
export function lowerLinear(context: Lowering, step: LinearStep): void {
  const { input, parts, out } = step;
  let offset = 0;
  for (const matrix of splitParts(
    step.matrix,
    context.options.maxBinding / (4 * storedChannels(input.channels)),
  )) {
    const used = matrix.filter((part) => parts.includes(part));
    if (used.length === 0) break; // a plan uses the first columns
    const features = featuresOf(used);
    if (context.read.has(out)) {
      const biases = matrix.map((p) => ({
        names: biasNames(p, context.carried.get(p.name)),
        features: p.features,
      }));
      linearProduct(context, step, matrix, {
        from: 0,
        features,
        biases,
        out: context.buffer(out),
        at: offset,
      });
    }
    let from = 0;
    for (const part of used) {
      for (const [name, output] of context.plan.outputs) {
        if (output.value !== out || output.offset !== offset + from) continue;
        const own = context.output(name);
        const biases = [{ names: biasNames(part), features: part.features }];
        linearProduct(context, step, matrix, { from, features: part.features, biases, out: own, at: 0 });
      }
      from += part.features;
    }
    offset += features;
  }
}

const featuresOf = (parts: readonly LinearPart[]): number => parts.reduce((sum, p) => sum + p.features, 0);

const biasNames = ({ name, bias }: LinearPart, carried?: string): string[] => [
  ...(bias ? [`${name}.bias`] : []),
  ...(carried ? [carried] : []),
];

/** `features` columns of a matrix of layers side by side, from column `from`, to channel `at` of `out`. */
function linearProduct(
  context: Lowering,
  step: LinearStep,
  matrix: readonly LinearPart[],
  made: {
    from: number;
    features: number;
    biases: readonly { names: readonly string[]; features: number }[];
    out: Scratch;
    at: number;
  },
): void {
  const { input, inputScale, residual, silu } = step;
  const { batch, tile } = context;
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
  const columns = storedChannels(made.features);
  context.emit({
    kernel: contracted.kernel,
    operands: [
      context.operand(input),
      { weight: context.packer.linear(matrix, input.channels, inputScale) },
      { weight: context.packer.bias(made.biases) },
      residual ? context.operand(residual) : 'nothing',
      { scratch: made.out },
    ],
    uniforms: {
      ...PLAIN,
      vectorOffset: 0,
      vectorStride: 0,
      hasVector: 1,
      hasResidual: residual ? 1 : 0,
      scaleF: 1,
      rows: batch,
      columns: columns / unit,
      depth: depth / unit,
      depth1: depth / unit,
      taps: 1,
      silu: silu ? 1 : 0,
      aStride: depth / unit,
      bBase: made.from / unit,
      bStride: storedChannels(featuresOf(matrix)) / unit,
      oStride: made.out.bytes / 4 / batch / unit,
      oBase: made.at / unit,
    },
    grid: gridOf(contracted, batch, columns),
    step,
    flops: 2 * batch * made.features * input.channels,
  });
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
