/** What the model calls its weights: the key under which a session is given the .safetensors file. */
export const WEIGHTS_LOCATION = 'weights.safetensors';
