import { writeNpz } from '../../formats/npz';
import { encodePng, readPngText } from '../../formats/png';
import { asInnateError, InnateError } from '../../lib/errors';
import { loadPart } from '../../lib/load-part';
import type { ExportCall, ExportMessage, ExportRequest, ExportResults } from '../../protocol/exports';
import { keptArchive, keptFile, keptFolder, removeKept } from './archive';
import { withoutAlpha } from './enlarge';
import { type ExportSession, openSession } from './sessions';

/** The worker that writes files of images: a worker of its own, so that no archive keeps images or the page waiting. */
const sessions = new Map<number, ExportSession>();
/** Calls run one behind the other: what is written follows what was sent. */
let queue: Promise<unknown> = Promise.resolve();

addEventListener('message', ({ data }: MessageEvent<ExportRequest>) => {
  queue = queue.then(() => settle(data));
});

async function settle({ id, call }: ExportRequest): Promise<void> {
  let message: ExportMessage;
  try {
    message = { id, ok: true, value: await perform(call) };
  } catch (error) {
    const { code, message: text, detail } = asInnateError(error, 'io');
    message = { id, ok: false, error: { code, message: text, detail } };
  }
  postMessage(message);
}

async function perform(call: ExportCall): Promise<ExportResults[ExportCall['do']]> {
  switch (call.do) {
    case 'png': {
      const { width, height, rgba } = call.pictures;
      const data = withoutAlpha(rgba, call.channels);
      return blob(encodePng({ width, height, channels: call.channels, data, text: call.text }), 'image/png');
    }
    case 'npz':
      return npz(call);
    case 'read-text':
      return textOf(call.file);
    case 'video-kind':
      return (await loadPart(import('./video'))).videoKind(call);
    case 'kept': {
      const folder = await keptFolder();
      return folder && keptArchive(folder);
    }
    case 'take-kept': {
      const folder = await keptFolder();
      const file = folder && (await keptFile(folder));
      if (!file)
        throw new InnateError('not-found', 'there is no archive any more', { hint: 'Make it again' });
      return file;
    }
    case 'remove-kept': {
      const folder = await keptFolder();
      if (folder) await removeKept(folder);
      return null;
    }
    case 'open': {
      const session = await openSession(call.spec);
      sessions.set(call.session, session);
      return session.count;
    }
    case 'add':
      await sessionOf(call.session).add(call.rgba, call.labels);
      return null;
    case 'finish': {
      const file = await sessionOf(call.session).finish(call.beside);
      sessions.delete(call.session);
      return file;
    }
    case 'close':
      await sessions.get(call.session)?.close(call.remove);
      sessions.delete(call.session);
      return null;
  }
}

function sessionOf(session: number): ExportSession {
  const found = sessions.get(session);
  if (found) return found;
  throw new InnateError('not-found', 'the export is no longer open', { hint: 'Start it again' });
}

/** The names that public evaluators read. */
function npz({ pictures, channels, seeds, labels }: ExportCall & { do: 'npz' }): Blob {
  const { width, height, rgba } = pictures;
  const shape = [rgba.length / (4 * width * height), height, width, channels];
  const whole = (values: readonly number[]) => BigInt64Array.from(values, (v) => BigInt(v));
  const file = writeNpz({
    arr_0: { dtype: 'u8', shape, data: withoutAlpha(rgba, channels) },
    // Fractions of a seed are seeds too.
    seeds: seeds.every(Number.isInteger)
      ? { dtype: 'i64', shape: [seeds.length], data: whole(seeds) }
      : { dtype: 'f64', shape: [seeds.length], data: Float64Array.from(seeds) },
    ...(labels && { arr_1: { dtype: 'i64' as const, shape: [labels.length], data: whole(labels) } }),
  });
  return blob(file, 'application/zip');
}

async function textOf(file: Blob): Promise<Record<string, string> | null> {
  try {
    return Object.fromEntries(readPngText(new Uint8Array(await file.arrayBuffer())));
  } catch {
    return null;
  }
}

const blob = (bytes: Uint8Array, type: string) => new Blob([bytes as Uint8Array<ArrayBuffer>], { type });
