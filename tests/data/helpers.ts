import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Zippable, zipSync } from 'fflate';
import { createDecoders, type Decoders } from '../../src/data';
import { bufferSource, type Source } from '../../src/formats/source';
import { FIXTURES } from '../support/fixtures';

export const DATA = join(FIXTURES, 'data');
const ROOT = join(import.meta.dirname, '../..');

/** A file as a source in memory. */
export const file = (...path: string[]): Source =>
  bufferSource(new Uint8Array(readFileSync(join(...path))), path.at(-1)!);

export const source = (bytes: Uint8Array, name = 'set.zip'): Source => bufferSource(bytes, name);

const MODULES = {
  webp: 'webp/codec/dec/webp_dec.wasm',
  jpeg: 'jpeg/codec/dec/mozjpeg_dec.wasm',
  avif: 'avif/codec/dec/avif_dec.wasm',
};

/** The decoders of every test, as Node makes them. */
export const decoders: Decoders = createDecoders({
  wasm: async (format) => new Uint8Array(readFileSync(join(ROOT, 'node_modules/@jsquash', MODULES[format]))),
});

/** A zip of stored files. */
export function zip(files: Readonly<Record<string, Uint8Array | string>>, level: 0 | 6 = 0): Uint8Array {
  const entries: Zippable = Object.create(null);
  for (const [name, data] of Object.entries(files))
    entries[name] = [typeof data === 'string' ? new TextEncoder().encode(data) : data, { level }];
  return zipSync(entries);
}

export const PUBLIC_DATA = join(ROOT, 'public/data');
