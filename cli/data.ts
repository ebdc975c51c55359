import { closeSync, existsSync, openSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { createDecoders, type Dataset, labelsBeside, openDataset, type WasmFormat } from '../src/data';
import { checkpointWeights } from '../src/engine/models/weights';
import { readSafetensors } from '../src/formats/safetensors';
import { checkRange, type Source } from '../src/formats/source';
import { InnateError } from '../src/lib/errors';
import type { NetworkConfig } from '../src/nn/config';
import type { WeightSource } from '../src/nn/weights';
import { modelsFolder } from './catalogue';
import { fileSource } from './files';
import { readFully } from './read-fully';

/** --data: an archive, an image, or a folder; converted to the network's channels and resolution. */
export async function openData(
  path: string,
  { unet }: NetworkConfig,
  report?: { note(text: string): void },
): Promise<Dataset> {
  return openImages(path, { channels: unet.inChannels, resolution: unet.imgResolution }, report);
}

/** What reads each image once keeps none in memory. */
export const READ_ONCE = { cacheBytes: 0 } as const;

/** Images of any program, as they are stored or as `shape` wants them. */
export async function openImages(
  path: string,
  shape: { channels?: number; resolution?: number; cacheBytes?: number } = {},
  report?: { note(text: string): void },
): Promise<Dataset> {
  const data = await openDataset(sourcesOf(path), { ...shape, decoders: decoders() });
  for (const note of data.notes) report?.note(note);
  return data;
}

/** Channels of the images as they are stored: 1 or 3, by the first that can be read. */
export async function storedChannels(path: string): Promise<number> {
  return (await openImages(path)).channels;
}

function decoders() {
  const require = createRequire(import.meta.url);
  return createDecoders({ wasm: async (format) => readFileSync(require.resolve(MODULES[format])) });
}

const MODULES: Record<WasmFormat, string> = {
  jpeg: '@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm',
  webp: '@jsquash/webp/codec/dec/webp_dec.wasm',
  avif: '@jsquash/avif/codec/dec/avif_dec.wasm',
};

function sourcesOf(path: string): Source[] {
  if (!existsSync(path)) throw new InnateError('not-found', 'no such data set', { where: path });
  if (statSync(path).isDirectory()) {
    const root = resolve(path);
    const files = [...filesBelow(root, [])].sort();
    // The folder's own name is the set's.
    return files.map((file) => closedFile(file, join(basename(root), relative(root, file))));
  }
  const beside = labelsBeside(basename(path));
  const labels = beside && join(dirname(path), beside);
  return labels && existsSync(labels) ? [fileSource(path), fileSource(labels)] : [fileSource(path)];
}

/** All files below a folder, links followed; `above`: the real folders on the way, which a link must not lead back to. */
function* filesBelow(folder: string, above: readonly string[]): Generator<string> {
  const real = realpathSync(folder);
  if (above.includes(real)) return;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    const target = entry.isSymbolicLink() ? statSync(path, { throwIfNoEntry: false }) : entry;
    if (target?.isDirectory()) yield* filesBelow(path, [...above, real]);
    // A link that leads nowhere is a file that cannot be read: it is counted with the others.
    else if (!target || target.isFile()) yield path;
  }
}

/** A file that is open only while it is read: a folder may hold more than a process may have open. */
function closedFile(path: string, name: string): Source {
  const source: Source = {
    name,
    size: statSync(path, { throwIfNoEntry: false })?.size ?? 0,
    read(offset, length) {
      checkRange(source, offset, length);
      let fd: number;
      try {
        fd = openSync(path, 'r');
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        throw new InnateError('io', 'the file cannot be opened', { where: name, found: code }, error);
      }
      try {
        return readFully(fd, offset, length, name);
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
