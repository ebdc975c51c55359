import type { TileChoice } from '../lib/backends';
import type { Unit } from './kernels/kernel';

/** How the matrix products of an adapter are tiled: see `kernels/contraction.ts`. */
export type Tile =
  /** A subgroup loads rows once and broadcasts them; its lanes are columns. */
  | { kind: 'subgroup'; lanes: number }
  /** Each thread keeps rows x vectors of four columns in registers. */
  | { kind: 'register'; rows: number; vectors: number }
  /**
   * A workgroup stages both factors in shared memory; each of 8 x 8 threads keeps rows x vectors of four.
   * `arithmetic` is that of products with float16 weights: with float32 weights it is float32.
   */
  | { kind: 'shared'; rows: number; vectors: number; arithmetic: 'f32' | 'f16' };

/**
 * The tile with its arithmetic in float32, for products whose rounding a softmax would magnify, those of float32
 * weights, and training.
 */
export const inFloat32 = (tile: Tile): Tile =>
  tile.kind === 'shared' ? { ...tile, arithmetic: 'f32' } : tile;

/** Which kernels suit an adapter, and why: one row of a small table. */
export interface KernelTraits {
  tile: Tile;
  /** What the element-wise kernels work on at a time. */
  unit: Unit;
  /** 3x3 convolutions in Winograd form where that pays. */
  winograd: boolean;
  /** Threads of a workgroup that reduces. */
  reducers: number;
  /** Whether subgroupAdd over exactly `reducers` lanes does the reduction. */
  subgroupReduce: boolean;
  reason: string;
}

/** A hardware GPU without anything known of it: shared-memory tiles need no feature. */
export const HARDWARE: KernelTraits = {
  tile: { kind: 'shared', rows: 8, vectors: 2, arithmetic: 'f32' },
  unit: 'vec4f',
  winograd: false,
  reducers: 256,
  subgroupReduce: false,
  reason: 'shared-memory tiles, direct convolutions (Winograd would move more bytes)',
};

/** A hardware GPU with 'shader-f16': half the shared memory, and on many GPUs twice the multiplications a cycle. */
export const HARDWARE_F16: KernelTraits = {
  ...HARDWARE,
  tile: { kind: 'shared', rows: 8, vectors: 2, arithmetic: 'f16' },
  reason: `${HARDWARE.reason}, float16 weights multiplied in float16`,
};

/** What is left where neither shared memory nor subgroups are accepted: nothing but plain WGSL. */
const REGISTERS: Pick<KernelTraits, 'tile' | 'unit'> = {
  tile: { kind: 'register', rows: 8, vectors: 2 },
  unit: 'vec4f',
};

/** Threads that sum in shared memory on an adapter that runs a lane at a time. */
const PLAIN_REDUCERS = 16;

/**
 * The table: an adapter's kernels, or the chosen tiling's. Software adapters run a lane at a time: every load is
 * dear, arithmetic is cheap (but not in float16, which they convert at every step), shared memory is no faster than
 * storage. Wide subgroups (lavapipe: 8 or 16) share loads by broadcast; narrow ones (SwiftShader: 4) do better with
 * large register tiles. Winograd saves arithmetic on both.
 */
export function chooseTraits(
  device: GPUDevice,
  info: GPUAdapterInfo,
  software: boolean,
  choice: TileChoice = 'auto',
): KernelTraits {
  const { subgroupMinSize = 0, subgroupMaxSize = 0 } = info;
  const fixed = device.features.has('subgroups') && subgroupMinSize === subgroupMaxSize;
  const lanes = fixed ? subgroupMinSize : 0;
  const wide = lanes >= 8 && lanes <= 16;
  const halves = device.features.has('shader-f16');
  const best = !software ? (halves ? 'shared-f16' : 'shared') : wide ? 'subgroup' : 'register';
  const missing =
    choice === 'subgroup' && !wide
      ? `subgroup tiles need subgroups of 8 or 16 lanes, here ${lanes || 'none of fixed size'}: `
      : choice === 'shared-f16' && !halves
        ? 'float16 arithmetic needs shader-f16, which this adapter lacks: '
        : null;
  const kind = choice === 'auto' || missing ? best : choice;
  const why =
    missing ?? (choice === 'auto' ? `${software ? 'software' : 'hardware'} adapter: ` : 'as chosen: ');
  if (kind === 'shared') return { ...HARDWARE, reason: why + HARDWARE.reason };
  if (kind === 'shared-f16') return { ...HARDWARE_F16, reason: why + HARDWARE_F16.reason };
  const reduction =
    lanes > 0
      ? { reducers: lanes, subgroupReduce: true }
      : { reducers: PLAIN_REDUCERS, subgroupReduce: false };
  if (kind === 'subgroup')
    return {
      ...reduction,
      tile: { kind, lanes },
      unit: 'f32',
      winograd: true,
      reason: `${why}rows shared by subgroups of ${lanes}, Winograd convolutions`,
    };
  return {
    ...reduction,
    ...REGISTERS,
    winograd: true,
    reason: `${why}register tiles, Winograd convolutions`,
  };
}

/**
 * The same products in a form that asks less of a compiler, null after the last: float32 in place of float16
 * arithmetic, registers in place of shared memory or subgroups, sums in shared memory in place of subgroups'.
 */
export function nextForm(traits: KernelTraits): KernelTraits | null {
  const { tile, subgroupReduce } = traits;
  if (tile.kind === 'shared' && tile.arithmetic === 'f16')
    return { ...traits, tile: inFloat32(tile), reason: 'shared-memory tiles in float32' };
  if (tile.kind === 'register' && !subgroupReduce) return null;
  const reducers = subgroupReduce ? PLAIN_REDUCERS : traits.reducers;
  return { ...traits, ...REGISTERS, reducers, subgroupReduce: false, reason: 'register tiles' };
}
