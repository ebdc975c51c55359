import { unitSize } from '../../../gpu/kernels/kernel';
import { normStatistics } from '../../../gpu/kernels/norm';
import { pointwise, resample } from '../../../gpu/kernels/resample';
import type { KernelTraits } from '../../../gpu/traits';
import type { WeightSource } from '../../weights';
import {
  type Epilogue,
  type NormStep,
  type Plan,
  type PointwiseStep,
  type ResampleStep,
  type Step,
  storedChannels,
  type Value,
  type VectorSlice,
  valueSize,
} from '../steps';
import { type Dispatch, linearGrid, type Operand, type Scratch } from './dispatch';
import { lowerAttention } from './lower-attention';
import { chooseWinograd, lowerConv, lowerLinear } from './lower-conv';
import { WeightPacker, type WeightPrecision } from './pack';

export interface LoweringOptions {
  batch: number;
  traits: KernelTraits;
  precision: WeightPrecision;
  /** Largest storage binding of the device. */
  maxBinding: number;
}

/** A plan as kernel calls over buffers that have no memory yet. */
export interface LoweredPlan {
  dispatches: readonly Dispatch[];
  scratch: readonly Scratch[];
  bufferOf: ReadonlyMap<Value, Scratch>;
}

/** Turns every step of `plan` into kernel calls for one batch size. */
export function lower(plan: Plan, source: WeightSource, options: LoweringOptions): LoweredPlan {
  const context = new Lowering(plan, source, options);
  for (const step of plan.steps) lowerStep(context, step);
  return context;
}

function lowerStep(context: Lowering, step: Step): void {
  if (step.kind === 'norm') lowerNorm(context, step);
  else if (step.kind === 'conv') lowerConv(context, step);
  else if (step.kind === 'resample') lowerResample(context, step);
  else if (step.kind === 'attention') lowerAttention(context, step);
  else if (step.kind === 'linear') lowerLinear(context, step);
  else lowerPointwise(context, step);
}

/** What the lowering of one step needs: buffers, weights, and where to put its dispatches. */
export class Lowering implements LoweredPlan {
  readonly dispatches: Dispatch[] = [];
  readonly scratch: Scratch[] = [];
  readonly bufferOf = new Map<Value, Scratch>();
  readonly packer: WeightPacker;
  /** Convolutions done in Winograd form. */
  readonly winograd: ReadonlySet<string>;
  /** qkv projections, whose outputs are stored q, k, v one after the other. */
  readonly qkv: ReadonlySet<Value>;
  /** Convolution biases that ride on the embedding's vector, by where in the vector. */
  private readonly foldedBias = new Map<Value, Map<number, string>>();

  constructor(
    plan: Plan,
    source: WeightSource,
    readonly options: LoweringOptions,
  ) {
    this.packer = new WeightPacker(source, options.precision);
    this.winograd = options.traits.winograd ? chooseWinograd(plan, source) : new Set();
    this.qkv = new Set(plan.steps.flatMap((s) => (s.kind === 'attention' ? [s.qkv] : [])));
    for (const step of plan.steps) {
      if (step.kind !== 'conv' || !step.epilogue.vector || !step.epilogue.bias) continue;
      const { vector, offset } = step.epilogue.vector;
      const biases = this.foldedBias.get(vector) ?? new Map<number, string>();
      this.foldedBias.set(vector, biases.set(offset, step.epilogue.bias));
    }
    for (const value of plan.inputs.values()) this.buffer(value);
  }

  get batch(): number {
    return this.options.batch;
  }

  buffer(value: Value): Scratch {
    let found = this.bufferOf.get(value);
    if (!found) {
      found = this.temporary(valueSize(value) * this.batch);
      this.bufferOf.set(value, found);
    }
    return found;
  }

  /** Memory between the dispatches of a step. */
  temporary(floats: number): Scratch {
    const scratch = { id: this.scratch.length, bytes: 4 * floats };
    this.scratch.push(scratch);
    return scratch;
  }

  operand(value: Value): Operand {
    return { scratch: this.buffer(value) };
  }

  emit(dispatch: Dispatch): void {
    this.dispatches.push(dispatch);
  }

  /** Which convolution's bias a linear layer's features carry, if any. */
  biasAt(vector: Value, offset: number): string | undefined {
    return this.foldedBias.get(vector)?.get(offset);
  }

  /** Operands and uniforms of an epilogue, counted in `unit` channels. */
  epilogue(
    { bias, vector, residual, scale }: Epilogue,
    channels: number,
    unit: 1 | 4,
    qkv = false,
  ): { operands: [Operand, Operand]; uniforms: Record<string, number> } {
    const row = vector ? this.slice(vector, unit) : { vectorOffset: 0, vectorStride: 0 };
    const added: Operand = vector
      ? this.operand(vector.vector)
      : bias
        ? { weight: this.packer.bias([{ names: [bias], features: channels }], qkv) }
        : 'nothing';
    return {
      operands: [added, residual ? this.operand(residual) : 'nothing'],
      uniforms: {
        ...row,
        hasVector: added === 'nothing' ? 0 : 1,
        hasResidual: residual ? 1 : 0,
        scaleF: scale,
      },
    };
  }

  slice({ vector, offset }: VectorSlice, unit: 1 | 4): { vectorOffset: number; vectorStride: number } {
    return { vectorOffset: offset / unit, vectorStride: storedChannels(vector.channels) / unit };
  }
}

function lowerNorm(context: Lowering, step: NormStep): void {
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

function lowerResample(context: Lowering, step: ResampleStep): void {
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
    flops: 2 * size * total * taps.length ** 2 * (direction === 'up' ? 0.25 : 1),
  });
}

function lowerPointwise(context: Lowering, step: PointwiseStep): void {
  materialise(context, step, step.epilogue, context.buffer(step.out), step.out.channels);
}

/** Writes prologue(sources), joined, into `out`: a kernel call for each source. */
export function materialise(
  context: Lowering,
  step: PointwiseStep | Extract<Step, { kind: 'conv' }>,
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
      flops: 2 * size * total,
    });
    channelOffset += own;
  }
}
