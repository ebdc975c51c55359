import { vi } from 'vitest';

/**
 * The private files of a browser's origin, in memory: folders, files, synchronous handles, and the FileReaderSync that
 * reads them. `failing` decides whether an access fails: it is asked with the path of the folder or file and what is
 * done to it, and what it returns is thrown.
 */
export class MemoryFiles {
  readonly root = new MemoryFolder('', this);
  failing: (path: string, what: 'open' | 'read' | 'write') => unknown = () => null;

  /** How many bytes of a write a file takes: a handle may take a part of them. */
  takes: (path: string, bytes: number) => number = (_path, bytes) => bytes;

  /** How many of the bytes that a write was said to take are kept: fewer where the room ended meanwhile. */
  keeps: (path: string, bytes: number) => number = (_path, bytes) => bytes;

  /** What the disk gives back of what was written to a path. */
  gives: (path: string, bytes: Uint8Array) => Uint8Array = (_path, bytes) => bytes;

  /** Gives this file system, and locks that are always free, to the code under test. */
  install(): void {
    const locks = {
      request: (_name: string, _options: object, task: (lock: object) => unknown) => task({}),
      query: async () => ({ held: this.held.map((name) => ({ name })) }),
    };
    vi.stubGlobal('navigator', { storage: { getDirectory: async () => this.root }, locks });
    vi.stubGlobal('FileSystemFileHandle', MemoryHandle);
    vi.stubGlobal(
      'FileReaderSync',
      class {
        readAsArrayBuffer(blob: MemoryFile): ArrayBuffer {
          return blob.content.slice().buffer as ArrayBuffer;
        }
      },
    );
  }

  /** Names of the locks that some tab holds. */
  held: string[] = [];

  check(path: string, what: 'open' | 'read' | 'write'): void {
    const failure = this.failing(path, what);
    if (failure) throw failure;
  }
}

export class MemoryFile extends File {
  constructor(
    readonly content: Uint8Array,
    name: string,
    lastModified = Date.now(),
  ) {
    super([content as Uint8Array<ArrayBuffer>], name, { lastModified });
  }

  override slice(start = 0, end = this.content.byteLength): MemoryFile {
    return new MemoryFile(this.content.subarray(start, end), this.name);
  }
}

class MemoryHandle {
  readonly kind = 'file';
  bytes = new Uint8Array();
  /** Goes on with every change, as a disk's clock does. */
  modified = 1_000;

  constructor(
    readonly name: string,
    private readonly path: string,
    private readonly files: MemoryFiles,
  ) {}

  async getFile(): Promise<MemoryFile> {
    this.files.check(this.path, 'read');
    return new MemoryFile(this.bytes, this.name, this.modified);
  }

  async createSyncAccessHandle() {
    this.files.check(this.path, 'write');
    return {
      write: (all: Uint8Array, { at }: { at: number }) => {
        const taken = all.subarray(0, this.files.takes(this.path, all.byteLength));
        const bytes = taken.subarray(0, this.files.keeps(this.path, taken.byteLength));
        if (at + bytes.byteLength > this.bytes.byteLength) this.resize(at + bytes.byteLength);
        this.bytes.set(bytes, at);
        this.modified++;
        return taken.byteLength;
      },
      read: (into: Uint8Array, { at }: { at: number }) => {
        const bytes = this.bytes.subarray(at, at + into.byteLength);
        into.set(this.files.gives(this.path, bytes));
        return bytes.byteLength;
      },
      getSize: () => this.bytes.byteLength,
      truncate: (size: number) => this.resize(size),
      flush: () => {},
      close: () => {},
    };
  }

  private resize(size: number): void {
    const grown = new Uint8Array(size);
    grown.set(this.bytes.subarray(0, size));
    this.bytes = grown;
    this.modified++;
  }
}

class MemoryFolder {
  readonly kind = 'directory';
  readonly name: string;
  readonly entries = new Map<string, MemoryFolder | MemoryHandle>();

  constructor(
    readonly path: string,
    private readonly files: MemoryFiles,
  ) {
    this.name = path.slice(path.lastIndexOf('/') + 1);
  }

  getDirectoryHandle(name: string, options: { create?: boolean } = {}): Promise<MemoryFolder> {
    return this.entry(name, options, 'directory') as Promise<MemoryFolder>;
  }

  getFileHandle(name: string, options: { create?: boolean } = {}): Promise<MemoryHandle> {
    return this.entry(name, options, 'file') as Promise<MemoryHandle>;
  }

  async removeEntry(name: string): Promise<void> {
    if (!this.entries.delete(name)) throw new DOMException('no such entry', 'NotFoundError');
  }

  async *keys(): AsyncIterable<string> {
    yield* [...this.entries.keys()];
  }

  async *values(): AsyncIterable<MemoryFolder | MemoryHandle> {
    yield* [...this.entries.values()];
  }

  private async entry(name: string, { create = false }, kind: 'directory' | 'file') {
    const path = `${this.path}/${name}`;
    this.files.check(path, 'open');
    let found = this.entries.get(name);
    if (!found) {
      if (!create) throw new DOMException('no such entry', 'NotFoundError');
      found =
        kind === 'directory' ? new MemoryFolder(path, this.files) : new MemoryHandle(name, path, this.files);
      this.entries.set(name, found);
    }
    if (found.kind !== kind) throw new DOMException('another kind of entry', 'TypeMismatchError');
    return found;
  }
}
