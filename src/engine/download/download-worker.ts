import { asInnateError, InnateError } from '../../lib/errors';
import { loadPart } from '../../lib/load-part';
import type {
  Checked,
  DownloadCall,
  DownloadFailure,
  DownloadMessage,
  DownloadRequest,
  DownloadResults,
  OnDevice,
  PartOnDevice,
  Wanted,
} from '../../protocol/downloads';
import { DeviceModels } from '../../storage/device-models';
import { DeviceParts } from '../../storage/device-parts';
import { DownloadError } from '../../storage/download/errors';
import { downloadLocks } from './locks';

/**
 * The worker of downloads: a worker of its own, since a conversion of a gigabyte would keep images waiting. What
 * downloads and converts is loaded by the first download.
 */
const aborts = new Map<number, AbortController>();
const parts = new DeviceParts();
const models = new DeviceModels();

const post = (message: DownloadMessage) => postMessage(message);

addEventListener('message', ({ data }: MessageEvent<DownloadRequest>) => {
  if (data.type === 'cancel') aborts.get(data.target)?.abort();
  else void settle(data.id, data.call);
});

async function settle(id: number, call: DownloadCall): Promise<void> {
  const abort = new AbortController();
  aborts.set(id, abort);
  try {
    post({ type: 'settled', id, ok: true, value: await perform(id, call, abort.signal) });
  } catch (error) {
    post({ type: 'settled', id, ok: false, error: failureOf(error) });
  } finally {
    aborts.delete(id);
  }
}

async function perform(
  id: number,
  call: DownloadCall,
  signal: AbortSignal,
): Promise<DownloadResults[DownloadCall['do']]> {
  switch (call.do) {
    case 'list':
      return list();
    case 'check':
      return check(call.id, (done, total) => {
        if (signal.aborted) throw new InnateError('cancelled', 'cancelled');
        post({ type: 'progress', id, progress: { phase: 'checking', done, total, rate: null, left: null } });
      });
    case 'remove':
      return downloadLocks.hold(call.id, async () => {
        await parts.remove(call.id);
        await models.remove(call.id);
        return null;
      });
    case 'download':
      return downloadLocks.hold(call.wanted.id, async () => {
        const { runDownload } = await loadPart(import('./job'));
        if (signal.aborted) throw new InnateError('cancelled', 'cancelled');
        return runDownload(call.wanted, {
          signal,
          onProgress: (progress) => post({ type: 'progress', id, progress }),
        });
      });
  }
}

async function check(id: string, onPiece: (done: number, total: number) => void): Promise<Checked> {
  const found = await models.find(id, { whole: true, onPiece });
  if (!found) throw new InnateError('not-found', 'this model is not on this device', { where: id });
  return { sha256: found.about.file.sha256, source: found.about.source };
}

async function list(): Promise<OnDevice> {
  const busy = await downloadLocks.held();
  const { models: here, problems } = await models.list();
  const begun: PartOnDevice[] = [];
  for (const { wanted: text, record, bytes } of await parts.list()) {
    const wanted = JSON.parse(text) as Wanted;
    begun.push({
      wanted,
      done: record?.done ?? bytes,
      total: record?.bytes ?? wanted.bytes,
      busy: busy?.has(wanted.id) ?? false,
    });
  }
  return { here: here.map(({ id, file }) => ({ id, bytes: file.bytes })), parts: begun, problems };
}

function failureOf(error: unknown): DownloadFailure {
  const { code, message, detail } = asInnateError(error, 'io');
  const own = error instanceof DownloadError ? error : null;
  return {
    code,
    message,
    detail,
    reason: own?.reason ?? (code === 'cancelled' ? 'cancelled' : null),
    address: own?.address ?? null,
  };
}
