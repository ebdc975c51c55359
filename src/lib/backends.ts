/** Where networks are computed. 'cpu' is TensorFlow.js in plain JavaScript: slow, and right everywhere. */
export type BackendName = 'webgpu' | 'wasm' | 'cpu';
export const BACKEND_NAMES: readonly BackendName[] = ['webgpu', 'wasm', 'cpu'];

/** How weights are held on the GPU. */
export const WEIGHT_PRECISIONS = ['f32', 'f16'] as const;
export type WeightPrecision = (typeof WEIGHT_PRECISIONS)[number];

/**
 * In what a training step computes. 'f32': everything is float32. 'f16': mixed precision, float16 activations with float32
 * weights, moments, averages, gradients and losses.
 */
export const TRAINING_DTYPES = ['f32', 'f16'] as const;
export type TrainingDtype = (typeof TRAINING_DTYPES)[number];

/**
 * A person's choice of how the GPU's matrix products are tiled (`Tile` of gpu/traits.ts): 'auto' takes what suits the
 * adapter, and 'shared-f16' multiplies float16 weights in float16.
 */
export const TILE_CHOICES = ['auto', 'shared', 'shared-f16', 'register', 'subgroup'] as const;
export type TileChoice = (typeof TILE_CHOICES)[number];

/** Bytes of WebAssembly's 4.29 GB that a step of training may take; its module, its threads and gaps take the rest. */
export const WASM_TRAINING_BYTES = 3.8e9;
