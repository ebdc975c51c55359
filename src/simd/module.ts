import { InnateError } from '../lib/errors';
import * as inference from './kernels';

/** A set of kernels as text: without and with relaxed SIMD. */
export interface KernelTexts {
  PLAIN: string;
  RELAXED: string;
}

/** What the compiled kernels export: see assembly/index.ts. */
export interface KernelExports {
  run(): number;
  serve(thread: number): void;
}

const bytesOf = (text: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(atob(text), (character) => character.charCodeAt(0));

/** The variant that this machine's engine takes: with fused multiply-adds where they may be used. */
export async function compileKernels(
  shared: boolean,
  texts: KernelTexts = inference,
): Promise<WebAssembly.Module> {
  const relaxed = bytesOf(texts.RELAXED);
  const bytes = WebAssembly.validate(relaxed) ? relaxed : bytesOf(texts.PLAIN);
  if (!WebAssembly.validate(bytes))
    throw new InnateError('unsupported', 'this browser lacks WebAssembly SIMD', {
      hint: 'Update the browser; Chrome has it since version 91, Firefox 89, Safari 16.4',
    });
  return WebAssembly.compile(shared ? bytes : importUnshared(bytes));
}

/** The same module for a memory of one thread: one flag of its import says "shared". */
function importUnshared(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const memory = [3, ...ascii('env'), 6, ...ascii('memory'), 2]; // name, name, kind; the flags follow
  const at = bytes.findIndex((_, i) => memory.every((byte, j) => bytes[i + j] === byte));
  const patched = bytes.slice();
  patched[at + memory.length]! &= ~2;
  return patched;
}

const ascii = (text: string): number[] => [...text].map((c) => c.charCodeAt(0));
