import { InnateError } from '../lib/errors';
import type {
  ExportCall,
  ExportMessage,
  ExportRequest,
  ExportResults,
  ExportSpec,
  ImageLabel,
  KeptArchive,
  Pictures,
  PngText,
  VideoKind,
} from './exports';
import { RevivedWorker } from './revived-worker';

/** A file that is being written. */
export interface ExportSession {
  /** How many images it held when it was opened: a kept archive goes on. */
  readonly done: number;
  /** Images one behind the other, RGBA; resolves when they are written, so that no more wait than these. */
  add(rgba: Uint8ClampedArray<ArrayBuffer>, labels?: readonly ImageLabel[]): Promise<void>;
  /** The file, with text files beside the images where it is an archive. */
  finish(beside?: readonly (readonly [path: string, text: string])[]): Promise<Blob>;
  /** Frees what was made; of a kept archive what is there stays unless `remove`. */
  close(remove?: boolean): Promise<void>;
}

/** What writes and reads files of images, in a worker of its own. Rejections are InnateErrors. */
export interface ExportClient {
  png(pictures: Pictures, channels: number, text: PngText): Promise<Blob>;
  npz(
    pictures: Pictures,
    channels: number,
    seeds: readonly number[],
    labels: readonly number[] | null,
  ): Promise<Blob>;
  /** The texts of a PNG file; null = it is none. */
  readText(file: Blob): Promise<Record<string, string> | null>;
  videoKind(resolution: number, scale: number, fps: number): Promise<VideoKind>;
  kept(): Promise<KeptArchive | null>;
  takeKept(): Promise<Blob>;
  removeKept(): Promise<void>;
  open(spec: ExportSpec): Promise<ExportSession>;
}

interface Pending {
  resolve: (value: never) => void;
  reject: (error: InnateError) => void;
}

/** `makeWorker` is called at the first call, and again where a worker died. */
export function createExportClient(makeWorker: () => Worker): ExportClient {
  const pending = new Map<number, Pending>();
  let next = 1;
  const worker = new RevivedWorker<ExportMessage>(makeWorker, {
    message(data) {
      const call = pending.get(data.id);
      pending.delete(data.id);
      if (data.ok) call?.resolve(data.value as never);
      else call?.reject(new InnateError(data.error.code, data.error.message, data.error.detail));
    },
    death(detail) {
      const error = new InnateError('io', 'the export stopped', { ...detail, hint: 'Try again' });
      const failing = [...pending.values()];
      pending.clear();
      for (const { reject } of failing) reject(error);
    },
  });

  function call<C extends ExportCall>(
    request: C,
    transfer: Transferable[] = [],
  ): Promise<ExportResults[C['do']]> {
    return new Promise((resolve, reject) => {
      const id = next++;
      pending.set(id, { resolve, reject });
      worker.post({ id, call: request } satisfies ExportRequest, transfer);
    });
  }

  return {
    png: (pictures, channels, text) => call({ do: 'png', pictures, channels, text }),
    npz: (pictures, channels, seeds, labels) => call({ do: 'npz', pictures, channels, seeds, labels }),
    readText: (file) => call({ do: 'read-text', file }),
    videoKind: (resolution, scale, fps) => call({ do: 'video-kind', resolution, scale, fps }),
    kept: () => call({ do: 'kept' }),
    takeKept: () => call({ do: 'take-kept' }),
    async removeKept() {
      await call({ do: 'remove-kept' });
    },
    async open(spec) {
      const session = next++;
      const done = await call({ do: 'open', session, spec });
      return {
        done,
        async add(rgba, labels = []) {
          await call({ do: 'add', session, rgba, labels }, [rgba.buffer]);
        },
        finish: (beside = []) => call({ do: 'finish', session, beside }),
        async close(remove = false) {
          await call({ do: 'close', session, remove });
        },
      };
    },
  };
}
