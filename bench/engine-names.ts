/** In the order of the table. */
export const ENGINE_NAMES = [
  'innate-webgpu',
  'innate-webgpu-f16',
  'innate-wasm',
  'tfjs-webgpu',
  'ort-webgpu',
  'ort-wasm',
] as const;

/** Run when asked for by name: packed halves on shared-memory tiles, in float32 and in float16 arithmetic. */
export const TILE_ENGINE_NAMES = ['innate-webgpu-shared-f16', 'innate-webgpu-shared-arithmetic-f16'] as const;

export type EngineName = (typeof ENGINE_NAMES | typeof TILE_ENGINE_NAMES)[number];

/** Largest difference to PyTorch, and to the other engines, that passes: float32 arithmetic in another order. */
export const tolerance = (engine: EngineName): number => (engine.endsWith('-f16') ? 2e-2 : 1e-4);
