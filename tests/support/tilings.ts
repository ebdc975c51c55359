import { chooseTraits, HARDWARE, HARDWARE_F16, type KernelTraits, nextForm } from '../../src/gpu/traits';

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

/** What the table gives software adapters, by the lanes of their subgroups. */
const onSoftware = (lanes: number): KernelTraits =>
  chooseTraits(
    { features: new Set(lanes ? ['subgroups'] : []) } as unknown as GPUDevice,
    { subgroupMinSize: lanes, subgroupMaxSize: lanes } as GPUAdapterInfo,
    true,
  );

const withNextForms = (traits: KernelTraits | null): KernelTraits[] =>
  traits ? [traits, ...withNextForms(nextForm(traits))] : [];

/** Every form that any adapter is given, first or after a refusal, and those of the tests. */
export const ALL_FORMS: readonly KernelTraits[] = [
  ...[TILINGS.register!, TILINGS.shared!, HALVES],
  ...[HARDWARE_F16, HARDWARE, onSoftware(0), onSoftware(4), onSoftware(8), onSoftware(16)].flatMap(
    withNextForms,
  ),
];
