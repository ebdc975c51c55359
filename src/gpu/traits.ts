import type { Unit } from './kernels/kernel';

/** How the matrix products of an adapter are tiled: see `kernels/contraction.ts`. */
export type Tile =
  /** A subgroup loads rows once and broadcasts them; its lanes are columns. */
  | { kind: 'subgroup'; lanes: number }
  /** Each thread keeps rows x vectors of four columns in registers. */
  | { kind: 'register'; rows: number; vectors: number }
  /** A workgroup stages both factors in shared memory; each of 8 x 8 threads keeps rows x vectors of four. */
  | { kind: 'shared'; rows: number; vectors: number };

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
  tile: { kind: 'shared', rows: 8, vectors: 2 },
  unit: 'vec4f',
  winograd: false,
  reducers: 256,
  subgroupReduce: false,
  reason: 'hardware: shared-memory tiles, direct convolutions (Winograd would move more bytes)',
};

/**
 * Software adapters run a lane at a time: every load is dear, arithmetic is cheap, shared memory is no faster
 * than storage. Wide subgroups (lavapipe: 8 or 16) share loads by broadcast; narrow ones (SwiftShader: 4) do
 * better with large register tiles. Winograd saves arithmetic on both.
 */
export function chooseTraits(device: GPUDevice, info: GPUAdapterInfo, software: boolean): KernelTraits {
  if (!software) return HARDWARE;
  const { subgroupMinSize = 0, subgroupMaxSize = 0 } = info;
  const fixed = device.features.has('subgroups') && subgroupMinSize === subgroupMaxSize;
  const lanes = fixed ? subgroupMinSize : 0;
  const reduction =
    lanes > 0 ? { reducers: lanes, subgroupReduce: true } : { reducers: 16, subgroupReduce: false };
  if (lanes >= 8 && lanes <= 16)
    return {
      ...reduction,
      tile: { kind: 'subgroup', lanes },
      unit: 'f32',
      winograd: true,
      reason: `software, subgroups of ${lanes}: rows by broadcast, Winograd convolutions`,
    };
  return {
    ...reduction,
    tile: { kind: 'register', rows: 8, vectors: 2 },
    unit: 'vec4f',
    winograd: true,
    reason: 'software, narrow subgroups: register tiles, Winograd convolutions',
  };
}
