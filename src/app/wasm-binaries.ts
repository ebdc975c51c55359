import plain from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm.wasm?url';
import simd from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm?url';

/** Addresses of the back-end's files; the worker has no other way to know where the build put them. */
export const wasmBinaries: Record<string, string> = Object.fromEntries(
  [
    ['tfjs-backend-wasm.wasm', plain],
    ['tfjs-backend-wasm-simd.wasm', simd],
  ].map(([name, url]) => [name, new URL(url!, document.baseURI).href]),
);
