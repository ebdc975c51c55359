import { encodePng } from '../../formats/png';
import type { Sink } from '../../formats/sink';
import type { Source } from '../../formats/source';
import { StoredZip } from '../../formats/stored-zip';
import { openZip } from '../../formats/zip';
import type { ImageLabel, KeptArchive } from '../../protocol/exports';
import { type Folder, openFile, privateFolder, readFile, remove, writeFile } from '../../storage/opfs';
import { enlarge, withoutAlpha } from './enlarge';

/** Where bytes of an archive go, one part behind the other. */
export interface Appendable {
  append(part: Uint8Array): void;
  /** The file, once its last bytes are written. */
  finish(): Promise<Blob>;
  close(): void;
}

/** Parts in memory, handed to the browser in large pieces, which it may put on its disk. */
export class BlobParts implements Appendable {
  private readonly pieces: Blob[] = [];
  private waiting: Uint8Array<ArrayBuffer>[] = [];
  private bytes = 0;

  constructor(
    private readonly type: string,
    private readonly pieceBytes = 16 * 2 ** 20,
  ) {}

  append(part: Uint8Array): void {
    this.waiting.push(part as Uint8Array<ArrayBuffer>);
    this.bytes += part.length;
    if (this.bytes >= this.pieceBytes) this.flush();
  }

  async finish(): Promise<Blob> {
    this.flush();
    return new Blob(this.pieces, { type: this.type });
  }

  close(): void {
    this.pieces.length = 0;
    this.waiting = [];
  }

  private flush(): void {
    this.pieces.push(new Blob(this.waiting));
    this.waiting = [];
    this.bytes = 0;
  }
}

/** PNG files of images in a zip. */
export class ImageArchive {
  constructor(
    private readonly options: { resolution: number; scale: number; channels: number },
    private readonly target: Appendable,
    private readonly zip = new StoredZip(),
  ) {}

  get count(): number {
    return this.zip.count;
  }

  /** One opaque image, RGBA. */
  add(rgba: Uint8ClampedArray, { path, text }: ImageLabel): void {
    const { resolution, scale, channels } = this.options;
    const data = enlarge(withoutAlpha(rgba, channels), {
      width: resolution,
      height: resolution,
      scale,
      stride: channels,
    });
    const side = resolution * scale;
    this.put(path, encodePng({ width: side, height: side, channels, data, text }));
  }

  finish(beside: readonly (readonly [path: string, text: string])[]): Promise<Blob> {
    for (const [path, text] of beside) this.put(path, new TextEncoder().encode(text));
    for (const part of this.zip.end()) this.target.append(part);
    return this.target.finish();
  }

  close(): void {
    this.target.close();
  }

  private put(path: string, data: Uint8Array): void {
    for (const part of this.zip.add(path, data)) this.target.append(part);
  }
}

const ZIP = 'images.zip';
const ABOUT = 'about.json';
const ZIP_TYPE = 'application/zip';

/**
 * The archive of many images that this browser keeps while it is made, one at a time: it grows in the origin's private
 * files, so a closed tab loses at most the image that was being written.
 */
export const keptFolder = (): Promise<Folder | null> => privateFolder('exports');

/** Opens what is kept, where it is the archive of `about`, or begins it; memory where the browser keeps no files. */
export async function openKept(
  about: string,
  options: { resolution: number; channels: number },
  folder: Folder | null,
): Promise<ImageArchive> {
  const image = { ...options, scale: 1 };
  if (!folder) return new ImageArchive(image, new BlobParts(ZIP_TYPE));
  const old = await readFile(folder, ABOUT);
  if (!old || (await old.text()) !== about) {
    await remove(folder, ZIP);
    await writeFile(folder, ABOUT, [new TextEncoder().encode(about)]);
  }
  const file = await openFile(folder, ZIP);
  try {
    const zip = imagesOf(file);
    file.truncate(zip.length);
    return new ImageArchive(image, new KeptTarget(folder, file), zip);
  } catch (error) {
    file.close();
    throw error;
  }
}

/** An archive that broke off, as far as its images go: what is written beside them comes last. */
function imagesOf(source: Source): StoredZip {
  const zip = StoredZip.resume(source);
  while (zip.last !== null && !zip.last.endsWith('.png')) zip.removeLast();
  return zip;
}

/** What is kept; null = nothing. */
export async function keptArchive(folder: Folder): Promise<KeptArchive | null> {
  const about = await readFile(folder, ABOUT);
  if (!about) return null;
  const file = await openFile(folder, ZIP);
  try {
    const whole = isWhole(file);
    return { about: await about.text(), done: imagesOf(file).count, bytes: file.size, whole };
  } finally {
    file.close();
  }
}

/** The kept archive as a file of the browser's. */
export const keptFile = (folder: Folder): Promise<File | null> => readFile(folder, ZIP);

export async function removeKept(folder: Folder): Promise<void> {
  await remove(folder, ABOUT);
  await remove(folder, ZIP);
}

/** Whether an archive has its directory. */
export function isWhole(source: Source): boolean {
  try {
    return openZip(source).length > 0;
  } catch {
    return false;
  }
}

/** The end of a file. */
class KeptTarget implements Appendable {
  constructor(
    private readonly folder: Folder,
    private readonly file: Source & Sink & { close(): void },
  ) {}

  append(part: Uint8Array): void {
    this.file.write(this.file.size, part);
  }

  async finish(): Promise<Blob> {
    this.file.flush();
    this.file.close();
    return (await keptFile(this.folder)) ?? new Blob();
  }

  close(): void {
    this.file.close();
  }
}
