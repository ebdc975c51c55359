import { InnateError } from '../lib/errors';
import type {
  Checked,
  DownloadCall,
  DownloadFailure,
  DownloadMessage,
  DownloadProgress,
  DownloadRequest,
  DownloadResult,
  DownloadResults,
  OnDevice,
  Wanted,
} from './downloads';
import { RevivedWorker } from './revived-worker';

/** Why a download did not bring its file, with the address to copy where there is one. */
export class FailedDownload extends InnateError {
  readonly reason: DownloadFailure['reason'];
  readonly address: string | null;

  constructor({ code, message, detail, reason, address }: DownloadFailure) {
    super(code, message, detail);
    this.reason = reason;
    this.address = address;
  }
}

export interface DownloadClient {
  /** What downloads have left on this device. */
  list(): Promise<OnDevice>;
  /** Downloads, or goes on, and converts; rejects with `FailedDownload`, of reason 'cancelled' where it was aborted. */
  download(
    wanted: Wanted,
    options: { signal: AbortSignal; onProgress: (progress: DownloadProgress) => void },
  ): Promise<DownloadResult>;
  /** Reads a model whole and compares its checksum; rejects with `FailedDownload`, as `download`. */
  check(
    id: string,
    options: { signal: AbortSignal; onProgress: (progress: DownloadProgress) => void },
  ): Promise<Checked>;
  remove(id: string): Promise<void>;
}

interface Pending {
  resolve: (value: never) => void;
  reject: (error: FailedDownload) => void;
  onProgress: (progress: DownloadProgress) => void;
}

/** `makeWorker` is called at the first call, and again where a worker died. */
export function createDownloadClient(makeWorker: () => Worker): DownloadClient {
  const pending = new Map<number, Pending>();
  let nextId = 1;
  const worker = new RevivedWorker<DownloadMessage>(makeWorker, {
    message(data) {
      const call = pending.get(data.id);
      if (data.type === 'progress') {
        call?.onProgress(data.progress);
        return;
      }
      pending.delete(data.id);
      if (data.ok) call?.resolve(data.value as never);
      else call?.reject(new FailedDownload(data.error));
    },
    death(detail) {
      const failure: DownloadFailure = {
        code: 'io',
        message: 'the download stopped',
        detail: { ...detail, hint: 'What came so far is kept: resume it' },
        reason: 'broken',
        address: null,
      };
      const failing = [...pending.values()];
      pending.clear();
      for (const { reject } of failing) reject(new FailedDownload(failure));
    },
  });

  function call<C extends DownloadCall>(
    request: C,
    onProgress: Pending['onProgress'] = () => {},
    signal?: AbortSignal,
  ): Promise<DownloadResults[C['do']]> {
    return new Promise((resolve, reject) => {
      const id = nextId++;
      pending.set(id, { resolve, reject, onProgress });
      const send = (message: DownloadRequest) => worker.post(message);
      signal?.addEventListener('abort', () => pending.has(id) && send({ type: 'cancel', target: id }));
      send({ type: 'call', id, call: request });
    });
  }

  return {
    list: () => call({ do: 'list' }),
    download: (wanted, { signal, onProgress }) => call({ do: 'download', wanted }, onProgress, signal),
    check: (id, { signal, onProgress }) => call({ do: 'check', id }, onProgress, signal),
    async remove(id) {
      await call({ do: 'remove', id });
    },
  };
}
