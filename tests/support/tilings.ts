import type { KernelTraits } from '../../src/gpu/traits';

const base = { reason: 'test', reducers: 64, subgroupReduce: false, unit: 'vec4f' } as const;

/** Every tiling; small tiles are the same code, compiled in a fraction of the time. null: what suits the adapter. */
export const TILINGS: Record<string, KernelTraits | null> = {
  "the adapter's own": null,
  register: { ...base, tile: { kind: 'register', rows: 4, vectors: 1 }, winograd: true },
  shared: { ...base, tile: { kind: 'shared', rows: 2, vectors: 1, arithmetic: 'f32' }, winograd: false },
};

/** Shared tiles in float16 arithmetic: with float32 weights, and in training, those above. */
export const HALVES: KernelTraits = {
  ...base,
  tile: { kind: 'shared', rows: 2, vectors: 1, arithmetic: 'f16' },
  winograd: false,
};
