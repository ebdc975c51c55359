import { loadPart } from '../../lib/load-part';
import type { ExportSpec, ImageLabel } from '../../protocol/exports';
import { BlobParts, ImageArchive, keptFolder, openKept, removeKept } from './archive';
import { GifWriter } from './gif';

/** A file that is written image by image. */
export interface ExportSession {
  /** Images that it holds. */
  readonly count: number;
  /** Images one behind the other, RGBA. */
  add(images: Uint8ClampedArray<ArrayBuffer>, labels: readonly ImageLabel[]): Promise<void>;
  finish(beside: readonly (readonly [path: string, text: string])[]): Promise<Blob>;
  close(remove: boolean): Promise<void>;
}

export async function openSession(spec: ExportSpec): Promise<ExportSession> {
  switch (spec.kind) {
    case 'gif':
      return gifSession(spec);
    case 'video':
      return videoSession(spec);
    case 'frames':
      return archiveSession(new ImageArchive(spec, new BlobParts('application/zip')), spec.resolution);
    case 'images': {
      const folder = await keptFolder();
      const archive = await openKept(spec.about, spec, folder);
      return archiveSession(archive, spec.resolution, async () => {
        if (folder) await removeKept(folder);
      });
    }
  }
}

function gifSession(spec: ExportSpec & { kind: 'gif' | 'video' }): ExportSession {
  const gif = new GifWriter(spec);
  const parts = new BlobParts('image/gif');
  let count = 0;
  return {
    get count() {
      return count;
    },
    async add(images) {
      for (const image of split(images, spec.resolution)) {
        parts.append(gif.add(image));
        count++;
      }
    },
    async finish() {
      parts.append(gif.finish());
      return parts.finish();
    },
    async close() {
      parts.close();
    },
  };
}

async function videoSession(spec: ExportSpec & { kind: 'gif' | 'video' }): Promise<ExportSession> {
  const { VideoWriter } = await loadPart(import('./video'));
  const video = await VideoWriter.open(spec);
  let count = 0;
  return {
    get count() {
      return count;
    },
    async add(images) {
      for (const image of split(images, spec.resolution)) {
        await video.add(image);
        count++;
      }
    },
    finish: () => video.finish(),
    close: () => video.close(),
  };
}

function archiveSession(
  archive: ImageArchive,
  resolution: number,
  remove: () => Promise<void> = async () => {},
): ExportSession {
  let open = true;
  return {
    get count() {
      return archive.count;
    },
    async add(images, labels) {
      for (const [i, image] of split(images, resolution).entries()) archive.add(image, labels[i]!);
    },
    async finish(beside) {
      open = false;
      return archive.finish(beside);
    },
    async close(removed) {
      if (open) archive.close();
      open = false;
      if (removed) await remove();
    },
  };
}

/** RGBA images one behind the other, each by itself. */
function split(images: Uint8ClampedArray<ArrayBuffer>, resolution: number): Uint8ClampedArray<ArrayBuffer>[] {
  const size = 4 * resolution ** 2;
  return Array.from({ length: images.length / size }, (_, i) => images.subarray(i * size, (i + 1) * size));
}
