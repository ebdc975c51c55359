import type { KernelTraits } from '../../../gpu/traits';
import { InnateError } from '../../../lib/errors';
import type { WeightSource } from '../../weights';
import { type Epilogue, type Plan, storedChannels, type Value, type VectorSlice, valueSize } from '../steps';
import type { Dispatch, Operand, Scratch } from './dispatch';
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
  observedIn: ReadonlyMap<string, Scratch>;
}

/** What the lowering of one step needs: buffers, weights, and where to put its dispatches. */
export class Lowering implements LoweredPlan {
  readonly dispatches: Dispatch[] = [];
  readonly scratch: Scratch[] = [];
  readonly bufferOf = new Map<Value, Scratch>();
  /** Sums of squares by name. */
  readonly observedIn = new Map<string, Scratch>();
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
    winograd: ReadonlySet<string>,
  ) {
    this.packer = new WeightPacker(source, options.precision);
    this.winograd = winograd;
    this.qkv = new Set(plan.steps.flatMap((s) => (s.kind === 'attention' ? [s.qkv] : [])));
    const linear = new Set(plan.steps.flatMap((s) => (s.kind === 'linear' ? [s.out] : [])));
    for (const step of plan.steps) {
      if (step.kind !== 'conv' || !step.epilogue.vector || !step.epilogue.bias) continue;
      const { vector, offset } = step.epilogue.vector;
      if (!linear.has(vector))
        throw new InnateError('unsupported', 'this network cannot be planned', {
          where: step.name,
          expected: 'an embedding from a linear layer, which takes in the bias',
        });
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
