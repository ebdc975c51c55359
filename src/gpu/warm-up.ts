import * as tf from '@tensorflow/tfjs-core';

/** The parts of tfjs's WebGPU back-end that compiling ahead needs; not in its typings. */
interface CompilingBackend {
  pipelineCache: Record<string, unknown>;
  checkCompileCompletionAsync(): Promise<void>;
}

/**
 * Compiles every pipeline that `forward` uses, in parallel and off the main path, before anything runs: a dry
 * pass collects them, then the driver compiles them together. Does nothing on other back-ends.
 */
export async function compileAhead(
  forward: () => void,
  onProgress: (done: number, total: number) => void,
): Promise<void> {
  if (tf.getBackend() !== 'webgpu') return;
  const backend = tf.backend() as unknown as CompilingBackend;
  tf.env().set('WEBGPU_ENGINE_COMPILE_ONLY', true);
  try {
    tf.tidy(forward);
  } finally {
    tf.env().set('WEBGPU_ENGINE_COMPILE_ONLY', false);
  }
  const compiling = Object.values(backend.pipelineCache).filter((p) => p instanceof Promise);
  let done = 0;
  onProgress(0, compiling.length);
  for (const pipeline of compiling)
    pipeline.then(
      () => onProgress(++done, compiling.length),
      () => {}, // reported by the call below
    );
  await backend.checkCompileCompletionAsync();
}

/** Bytes that the current back-end holds. */
export function backendBytes(): number {
  const memory = tf.memory() as tf.MemoryInfo & { numBytesInGPU?: number };
  return memory.numBytesInGPU ?? memory.numBytes;
}
