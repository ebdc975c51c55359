import type { Kernel } from '../../../gpu/kernels/kernel';
import type { Step } from '../steps';

/** A buffer of a lowered plan: a value, or scratch memory between two dispatches. */
export interface Scratch {
  id: number;
  /** Size for the whole batch. */
  bytes: number;
}

/** Weights in the layout a kernel wants: made once for all batch sizes. */
export interface PackedWeight {
  /** Identifies contents and layout. */
  key: string;
  bytes: number;
  pack(): Float32Array | Uint32Array;
}

export type Operand = { scratch: Scratch } | { weight: PackedWeight } | 'nothing';

/** One kernel call. Operands are in the order of the kernel's bindings. */
export interface Dispatch {
  kernel: Kernel;
  operands: readonly Operand[];
  uniforms: Readonly<Record<string, number>>;
  grid: readonly [number, number, number];
  step: Step;
  /** Block whose gain multiplies the uniform `scaleF`. */
  gain?: string | null;
  /** Multiplications and additions. */
  flops: number;
}
