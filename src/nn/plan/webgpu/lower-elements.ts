import { linearGrid } from '../../../gpu/kernels/grid';
import { unitSize } from '../../../gpu/kernels/kernel';
import { normStatistics } from '../../../gpu/kernels/norm';
import { pointwise, resample } from '../../../gpu/kernels/resample';
import { SQUARE_PARTS, squares } from '../../../gpu/kernels/squares';
import {
  type ConvStep,
  type Epilogue,
  type NormStep,
  type PointwiseStep,
  type ResampleStep,
  type Step,
  storedChannels,
  valueSize,
} from '../steps';
import type { Operand, Scratch } from './dispatch';
import type { Lowering } from './lowering';

/** Emits the statistics of a group norm, and the affines of each channel that its readers apply. */
export function lowerNorm(context: Lowering, step: NormStep): void {
  const { sources, groups, modulate, eps, name, out } = step;
  const { batch } = context;
  const { reducers, subgroupReduce } = context.options.traits;
  const first = sources[0]!;
  const width = out.channels / groups;
  const { unit: vectorUnit } = context.options.traits;
  const wide =
    vectorUnit === 'vec4f' && width % 4 === 0 && first.channels % 4 === 0 && out.channels % 4 === 0;
  const unit = wide ? 4 : 1;
  const kernel = normStatistics(
    { sources: sources.length === 2 ? 2 : 1, modulate: modulate !== null, wide },
    reducers,
    subgroupReduce,
  );
  const parameter = (part: string): Operand => ({
    weight: context.packer.bias([{ names: [`${name}.${part}`], features: out.channels }]),
  });
  const pixels = first.height * first.width;
  context.emit({
    kernel,
    operands: [
      ...sources.map((s) => context.operand(s)),
      parameter('weight'),
      parameter('bias'),
      ...(modulate ? [context.operand(modulate.vector)] : []),
      context.operand(out),
    ],
    uniforms: {
      pixels,
      channels: storedChannels(out.channels) / unit,
      channels1: storedChannels(first.channels) / unit,
      width: width / unit,
      stored: storedChannels(out.channels),
      epsF: eps,
      ...(modulate ? context.slice(modulate, 1) : { vectorOffset: 0, vectorStride: 0 }),
    },
    grid: [groups, batch, 1],
    step,
    flops: 5 * batch * pixels * out.channels,
  });
}

/** Emits a separable filter with stride 2, or over zeros between the pixels. */
export function lowerResample(context: Lowering, step: ResampleStep): void {
  const { direction, taps, pad, source, prologue, epilogue, out } = step;
  const { batch } = context;
  const sum = taps.reduce((a, b) => a + b, 0);
  const gain = direction === 'up' ? 2 : 1; // per axis: 4 in all
  const { unit } = context.options.traits;
  const size = unitSize(unit);
  const channels = storedChannels(out.channels) / size;
  const total = batch * out.height * out.width * channels;
  const end = context.epilogue(epilogue, out.channels, size);
  context.emit({
    kernel: resample(direction, taps.length, { affine: prologue.affine !== null, silu: prologue.silu }, unit),
    operands: [
      context.operand(source),
      ...(prologue.affine ? [context.operand(prologue.affine)] : []),
      ...end.operands,
      context.operand(out),
    ],
    uniforms: {
      ...end.uniforms,
      total,
      channels,
      affineChannels: channels,
      pad: direction === 'up' ? (taps.length - 1) >> 1 : pad,
      height: source.height,
      width: source.width,
      outHeight: out.height,
      outWidth: out.width,
      ...Object.fromEntries(taps.map((t, i) => [`tap${i}F`, (t * gain) / sum])),
    },
    grid: linearGrid(Math.ceil(total / 64)),
    step,
    gain: end.gain,
    flops: 2 * size * total * taps.length ** 2 * (direction === 'up' ? 0.25 : 1),
  });
}

/** Emits a step that has no product: joins, normalises, adds. */
export function lowerPointwise(context: Lowering, step: PointwiseStep): void {
  materialise(context, step, step.epilogue, context.buffer(step.out), step.out.channels);
}

/** Writes prologue(sources), joined, into `out`: a kernel call for each source. */
export function materialise(
  context: Lowering,
  step: PointwiseStep | ConvStep,
  epilogue: Epilogue,
  out: Scratch,
  channels: number,
): void {
  const { prologue, sources } = step;
  const { unit } = context.options.traits;
  const size = unitSize(unit);
  const outChannels = storedChannels(channels) / size;
  const end = context.epilogue(epilogue, channels, size);
  let channelOffset = 0;
  for (const source of sources) {
    const own = storedChannels(source.channels) / size;
    const pixels = source.height * source.width;
    const total = context.batch * pixels * own;
    context.emit({
      kernel: pointwise({ affine: prologue.affine !== null, silu: prologue.silu }, unit),
      operands: [
        context.operand(source),
        ...(prologue.affine ? [context.operand(prologue.affine)] : []),
        ...end.operands,
        { scratch: out },
      ],
      uniforms: {
        ...end.uniforms,
        total,
        channels: own,
        affineChannels: outChannels,
        pixels,
        channelOffset,
        outChannels,
      },
      grid: linearGrid(Math.ceil(total / 64)),
      step,
      gain: end.gain,
      flops: 2 * size * total,
    });
    channelOffset += own;
  }
}

/** Measures what a step has just made. */
export function lowerSquares(context: Lowering, name: string, step: Step): void {
  const { unit, reducers, subgroupReduce } = context.options.traits;
  const out = context.temporary(context.batch * SQUARE_PARTS);
  context.observedIn.set(name, out);
  const size = valueSize(step.out);
  context.emit({
    kernel: squares(unit, reducers, subgroupReduce),
    operands: [context.operand(step.out), { scratch: out }],
    uniforms: { size: size / unitSize(unit) },
    grid: [SQUARE_PARTS, context.batch, 1],
    step,
    flops: 2 * context.batch * size,
  });
}
