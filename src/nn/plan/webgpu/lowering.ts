import { inFloat32, type KernelTraits, type Tile } from '../../../gpu/traits';
import type { WeightPrecision } from '../../../lib/backends';
import type { WeightSource } from '../../weights';
import {
  type Epilogue,
  type Plan,
  stepReads,
  storedChannels,
  type Value,
  type VectorSlice,
  valueSize,
} from '../steps';
import type { Dispatch, Operand, Scratch } from './dispatch';
import { carriedBiases, type WeightLayout } from './layout';
import { WeightPacker } from './pack';

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
  /** Outputs and sums of squares by name. */
  outputIn: ReadonlyMap<string, Scratch>;
  observedIn: ReadonlyMap<string, Scratch>;
}

/** What the lowering of one step needs: buffers, weights, and where to put its dispatches. */
export class Lowering implements LoweredPlan {
  readonly dispatches: Dispatch[] = [];
  readonly scratch: Scratch[] = [];
  readonly bufferOf = new Map<Value, Scratch>();
  readonly outputIn = new Map<string, Scratch>();
  /** Sums of squares by name. */
  readonly observedIn = new Map<string, Scratch>();
  readonly packer: WeightPacker;
  /** Values that some step reads. */
  readonly read: ReadonlySet<Value>;
  /** Convolution biases that linear layers add, by layer. */
  readonly carried: ReadonlyMap<string, string>;

  constructor(
    readonly plan: Plan,
    source: WeightSource,
    readonly options: LoweringOptions,
    readonly layout: WeightLayout,
  ) {
    this.packer = new WeightPacker(source, options.precision);
    this.read = new Set(plan.steps.flatMap(stepReads));
    this.carried = carriedBiases(plan, layout);
    for (const value of plan.inputs.values()) this.buffer(value);
  }

  get batch(): number {
    return this.options.batch;
  }

  /** How matrix products are tiled: in float32 arithmetic unless the weights are halves. */
  get tile(): Tile {
    const { tile } = this.options.traits;
    return this.packer.precision === 'f16' ? tile : inFloat32(tile);
  }

  buffer(value: Value): Scratch {
    let found = this.bufferOf.get(value);
    if (!found) {
      found = this.temporary(valueSize(value) * this.batch);
      this.bufferOf.set(value, found);
    }
    return found;
  }

  /** Where an output lies: in its value's memory, or in its own where others read that value otherwise. */
  output(name: string): Scratch {
    const { value, channels } = this.plan.outputs.get(name)!;
    let found = this.outputIn.get(name);
    if (!found) {
      found =
        value.kind === 'vector' ? this.temporary(this.batch * storedChannels(channels)) : this.buffer(value);
      this.outputIn.set(name, found);
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

  /** Operands and uniforms of an epilogue, counted in `unit` channels. */
  epilogue(
    { bias, vector, residual, scale, gain }: Epilogue,
    channels: number,
    unit: 1 | 4,
    qkv = false,
  ): { operands: [Operand, Operand]; uniforms: Record<string, number>; gain: string | null } {
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
      gain,
    };
  }

  slice({ vector, offset }: VectorSlice, unit: 1 | 4): { vectorOffset: number; vectorStride: number } {
    return { vectorOffset: offset / unit, vectorStride: storedChannels(vector.channels) / unit };
  }
}
