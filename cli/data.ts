import { closeSync, existsSync, openSync, readdirSync, readFileSync, readSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, relative } from 'node:path';
import { createDecoders, type Dataset, openDataset, type WasmFormat } from '../src/data';
import { checkpointWeights } from '../src/engine/weights';
import { readSafetensors } from '../src/formats/safetensors';
import { checkRange, type Source } from '../src/formats/source';
import { InnateError } from '../src/lib/errors';
import type { NetworkConfig } from '../src/nn/config';
import type { WeightSource } from '../src/nn/weights';
import { modelsFolder } from './catalogue';
import { fileSource } from './files';

/** --data: an archive, an image, or a folder; converted to the network's channels and resolution. */
export async function openData(path: string, { unet }: NetworkConfig): Promise<Dataset> {
  const require = createRequire(import.meta.url);
  return openDataset(sourcesOf(path), {
    channels: unet.inChannels,
    resolution: unet.imgResolution,
    decoders: createDecoders({ wasm: async (format) => readFileSync(require.resolve(MODULES[format])) }),
  });
}

const MODULES: Record<WasmFormat, string> = {
  jpeg: '@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm',
  webp: '@jsquash/webp/codec/dec/webp_dec.wasm',
  avif: '@jsquash/avif/codec/dec/avif_dec.wasm',
};

function sourcesOf(path: string): Source[] {
  if (!existsSync(path)) throw new InnateError('not-found', 'no such data set', { where: path });
  if (!statSync(path).isDirectory()) return [fileSource(path)];
  const files = readdirSync(path, { recursive: true, withFileTypes: true }).filter((f) => f.isFile());
  return files
    .map((f) => join(f.parentPath, f.name))
    .sort()
    .map((file) => closedFile(file, relative(path, file)));
}

/** A file that is open only while it is read: a folder may hold more than a process may have open. */
function closedFile(path: string, name: string): Source {
  const source: Source = {
    name,
    size: statSync(path).size,
    read(offset, length) {
      checkRange(source, offset, length);
      const fd = openSync(path, 'r');
      try {
        const bytes = new Uint8Array(length);
        readSync(fd, bytes, 0, length, offset);
        return bytes;
      } finally {
        closeSync(fd);
      }
    },
  };
  return source;
}

/** A network of public/features. */
export async function featureWeights(name: string): Promise<WeightSource> {
  const file = join(modelsFolder(), '../features', `${name}.safetensors`);
  return checkpointWeights(readSafetensors(fileSource(file)));
}
