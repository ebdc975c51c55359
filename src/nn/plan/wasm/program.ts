import { attention, keyValues } from '../../../simd/calls/attention';
import { convolve, convolveWinograd, matrixProduct } from '../../../simd/calls/convolution';
import {
  CallList,
  type EpilogueAt,
  type MapAt,
  type PrologueAt,
  type VectorAt,
} from '../../../simd/calls/list';
import { pointwise, resample } from '../../../simd/calls/maps';
import { norm, partialValues } from '../../../simd/calls/norm';
import { NONE, SCALE, SILU_ACTIVATION } from '../../../simd/record';
import { type Buffer, lifetimes, placeBuffers } from '../arena';
import {
  type AttentionStep,
  type ConvStep,
  type Epilogue,
  type LinearStep,
  type NormStep,
  type Plan,
  type PointwiseStep,
  type Prologue,
  type ResampleStep,
  type Step,
  storedChannels,
  type Value,
  valueSize,
} from '../steps';
import { winogradTile } from './forms';
import type { PackedNetwork, StepWeights } from './packed-network';

/** A plan's steps as kernel calls for N images. */
export interface WasmProgram {
  records: Uint8Array;
  /** Bytes of activations, from `arena` on. */
  arenaBytes: number;
  scratchBytes: number;
  /** Address of a value. */
  addresses: ReadonlyMap<Value, number>;
  /** Where in `records` a block's gain goes, a float32 to be multiplied by `scale`. */
  gains: readonly { block: string; at: number; scale: number }[];
}

/** Kernel calls that a step takes. */
export const stepCalls = (step: Step): number => (step.kind === 'norm' || step.kind === 'attention' ? 2 : 1);

/**
 * Writes the program of a plan. `weights` and `arena` are addresses. Work is cut into a few tasks a thread, so that
 * a thread that is held up does not hold up the others.
 */
export function wasmProgram(
  plan: Plan,
  network: PackedNetwork,
  batch: number,
  { threads, weights, arena }: { threads: number; weights: number; arena: number },
): WasmProgram {
  const { addresses, temporaries, bytes } = placeValues(plan, batch, arena);
  const writer = new ProgramWriter(batch, threads, weights, addresses, temporaries);
  for (const step of plan.steps) writer.step(step, network.weights(step));
  const { list, gains } = writer;
  const { records, scratchBytes } = list;
  return { records, arenaBytes: bytes, scratchBytes, addresses, gains };
}

function placeValues(plan: Plan, batch: number, arena: number) {
  const alive = [...lifetimes(plan)];
  const buffers: Buffer[] = alive.map(([value, span]) => ({ bytes: batch * valueSize(value) * 4, ...span }));
  const owners: Step[] = [];
  plan.steps.forEach((step, i) => {
    const bytes = 4 * temporarySize(step, batch);
    if (bytes === 0) return;
    owners.push(step);
    buffers.push({ bytes, first: i, last: i });
  });
  const { offsets, bytes } = placeBuffers(buffers);
  return {
    addresses: new Map(alive.map(([value], i) => [value, arena + offsets[i]!])),
    temporaries: new Map(owners.map((step, i) => [step, arena + offsets[alive.length + i]!])),
    bytes,
  };
}

/** Values that a step keeps between its calls. */
function temporarySize(step: Step, batch: number): number {
  if (step.kind === 'norm') return partialValues(step.sources.map((value) => mapAt(value, 0, batch)));
  if (step.kind === 'attention') return keyValues(mapAt(step.out, 0, batch));
  return 0;
}

/** A value as the kernels see it; a vector is a map of one row with a column for each image. */
function mapAt({ kind, height, width, channels }: Value, at: number, batch: number): MapAt {
  const stored = storedChannels(channels);
  return kind === 'vector'
    ? { at, images: 1, height: 1, width: batch, channels: stored }
    : { at, images: batch, height, width, channels: stored };
}

class ProgramWriter {
  readonly list: CallList;
  readonly gains: WasmProgram['gains'][number][] = [];

  constructor(
    private readonly batch: number,
    threads: number,
    private readonly weights: number,
    private readonly addresses: ReadonlyMap<Value, number>,
    private readonly temporaries: ReadonlyMap<Step, number>,
  ) {
    this.list = new CallList(threads);
  }

  step(step: Step, weights: StepWeights): void {
    if (step.kind === 'attention') this.attention(step);
    else if (step.kind === 'norm') this.norm(step, weights);
    else if (step.kind === 'conv') this.conv(step, weights);
    else if (step.kind === 'linear') this.linear(step, weights);
    else if (step.kind === 'resample') this.resample(step, weights);
    else this.pointwise(step, weights);
  }

  private norm(step: NormStep, { weights, bias }: StepWeights): void {
    norm(this.list, {
      sources: this.maps(step.sources),
      groups: step.groups,
      eps: step.eps,
      weight: this.weights + weights,
      bias: this.weights + bias!,
      modulate: this.vector(step.modulate),
      partials: this.temporaries.get(step)!,
      affine: this.address(step.out),
    });
  }

  private conv(step: ConvStep, weights: StepWeights): void {
    const { out, kernel, pad } = step;
    const convolution = {
      sources: this.maps(step.sources),
      prologue: this.prologue(step.prologue),
      filter: this.weights + weights.weights,
      epilogue: this.epilogue(step.epilogue, weights),
      out: this.map(out),
    };
    const tile = winogradTile(weights.form);
    if (weights.form === 'matrix')
      matrixProduct(this.list, { ...convolution, source: convolution.sources[0]! });
    else if (tile) convolveWinograd(this.list, convolution, { tile, pad });
    else convolve(this.list, { ...convolution, window: { kernel, stride: 1, pad } });
    this.gained(step.epilogue);
  }

  private linear(step: LinearStep, { weights, bias }: StepWeights): void {
    matrixProduct(this.list, {
      source: this.map(step.input),
      filter: this.weights + weights,
      epilogue: {
        bias: this.weights + bias!,
        residual: step.residual ? this.address(step.residual) : 0,
        activation: step.silu ? SILU_ACTIVATION : NONE,
      },
      out: this.map(step.out),
    });
  }

  private resample(step: ResampleStep, weights: StepWeights): void {
    const { source, taps, direction, pad } = step;
    resample(this.list, {
      source: this.map(source),
      direction,
      filter: this.weights + weights.weights,
      taps: taps.length,
      pad,
      prologue: this.prologue(step.prologue),
      epilogue: this.epilogue(step.epilogue, weights),
      out: this.map(step.out),
    });
    this.gained(step.epilogue);
  }

  private pointwise(step: PointwiseStep, weights: StepWeights): void {
    pointwise(this.list, {
      sources: this.maps(step.sources),
      prologue: this.prologue(step.prologue),
      epilogue: this.epilogue(step.epilogue, weights),
      out: this.map(step.out),
    });
    this.gained(step.epilogue);
  }

  private attention(step: AttentionStep): void {
    const { qkv, heads, out } = step;
    const keys = this.temporaries.get(step)!;
    attention(this.list, { qkv: this.address(qkv), heads, keys, out: this.map(out) });
  }

  private map(value: Value): MapAt {
    return mapAt(value, this.address(value), this.batch);
  }

  private maps(values: readonly Value[]): MapAt[] {
    return values.map((value) => this.map(value));
  }

  private prologue({ affine, silu }: Prologue): PrologueAt {
    return { affine: affine ? this.address(affine) : 0, silu };
  }

  private epilogue({ vector, residual, scale }: Epilogue, { bias }: StepWeights): EpilogueAt {
    return {
      bias: bias === null ? 0 : this.weights + bias,
      vector: this.vector(vector),
      residual: residual ? this.address(residual) : 0,
      scale,
    };
  }

  /** Remembers where the last call's scale lies, if a gain multiplies it. */
  private gained({ gain, scale }: Epilogue): void {
    if (gain !== null) this.gains.push({ block: gain, at: this.list.last + SCALE, scale });
  }

  private vector(slice: Epilogue['vector']): VectorAt | undefined {
    return slice
      ? {
          at: this.address(slice.vector) + 4 * slice.offset,
          stride: 4 * storedChannels(slice.vector.channels),
        }
      : undefined;
  }

  private address(value: Value): number {
    return this.addresses.get(value)!;
  }
}
