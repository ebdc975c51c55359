import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '..');

/** A small conditional ADM, a pickle as the public ones are. */
export const CHECKPOINT = readFileSync(join(ROOT, 'tests/fixtures/mini/mini-adm-16-cond.pkl'));

/** A catalogue in which one public model is small enough for a test. */
export function smallCatalogue(): string {
  const catalogue = JSON.parse(readFileSync(join(ROOT, 'public/models/index.json'), 'utf8'));
  const entry = catalogue.models.find((m: { id: string }) => m.id === 'sida-afhqv2');
  Object.assign(entry, { resolution: 16, label_dim: 5, parameters: 600_000, sigma: 80 });
  entry.files[0].bytes = CHECKPOINT.length;
  return JSON.stringify(catalogue);
}

/** Bytes of a folder of the private files; it runs in the page. */
export async function bytesIn([name]: string[]): Promise<number> {
  const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle(name!, { create: true });
  let bytes = 0;
  const add = async (handle: FileSystemDirectoryHandle): Promise<void> => {
    for await (const entry of (handle as unknown as { values(): AsyncIterable<FileSystemHandle> }).values())
      if (entry.kind === 'directory') await add(entry as FileSystemDirectoryHandle);
      else bytes += (await (entry as FileSystemFileHandle).getFile()).size;
  };
  await add(folder);
  return bytes;
}

/** Bytes that the record of the download under way calls safe; it runs in the page. */
export async function safeBytes(): Promise<number> {
  const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle('downloads', {
    create: true,
  });
  let most = 0;
  const look = async (handle: FileSystemDirectoryHandle): Promise<void> => {
    for await (const entry of (handle as unknown as { values(): AsyncIterable<FileSystemHandle> }).values()) {
      if (entry.kind === 'directory') await look(entry as FileSystemDirectoryHandle);
      else {
        const text = await (await (entry as FileSystemFileHandle).getFile()).text().catch(() => ''); // it is being written
        most = Math.max(most, Number(/"done":(\d+)/.exec(text)?.[1] ?? 0));
      }
    }
  };
  await look(folder);
  return most;
}
