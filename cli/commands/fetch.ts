import { asInnateError, InnateError } from '../../src/lib/errors';
import { formatBytes } from '../../src/lib/words';
import { type CatalogueModel, fileSize, findModel } from '../../src/storage/catalogue';
import type { DownloadState } from '../../src/storage/download/download';
import { DownloadError } from '../../src/storage/download/errors';
import { readCatalogue } from '../catalogue';
import { type FetchedModel, FetchedModels } from '../fetched/cache';
import { checkedAddress, mirrored } from '../fetched/network';
import { obtain, type Place } from '../fetched/obtain';
import { endProcess, onInterrupt } from '../interrupt';
import type { Report } from '../report';

export interface FetchOptions {
  json?: boolean;
  dir?: string;
  url?: string;
  from?: string;
}

/** innate models fetch: a public checkpoint, as float16 .safetensors, to where every command finds it. */
export async function fetchModel(id: string, options: FetchOptions, report: Report): Promise<void> {
  const entry = findModel(readCatalogue(), id);
  if (entry.kind === 'shipped') {
    report.result(`${id} comes with Innate: there is nothing to fetch`, { id, shipped: true });
    return;
  }
  const models = new FetchedModels(options.dir);
  const here = intact(models, id, report);
  if (here) {
    report.result(`${id} is here already: ${here.path}`, { ...here, already: true });
    return;
  }
  const place = placeOf(entry, options);
  report.note(announcement(entry, place));
  const fetched = await interruptible((signal) => fetchFrom(entry, place, models, signal, report), report);
  const { path, bytes, source } = fetched;
  report.result(
    `${path}: float16, ${formatBytes(bytes)}, from ${source.name} (${formatBytes(source.bytes)}, sha256 ${source.sha256})\n` +
      `Use it as ${options.dir === undefined ? id : path}`,
    { ...fetched, already: false },
  );
}

/** innate models remove */
export function removeModel(id: string, options: { dir?: string }, report: Report): void {
  const models = new FetchedModels(options.dir);
  const bytes = models.remove(id);
  if (bytes === 0) {
    const entry = findModel(readCatalogue(), id);
    throw new InnateError('not-found', 'this model was not fetched', {
      where: models.path(id),
      hint:
        entry.kind === 'shipped'
          ? 'It comes with Innate, and stays'
          : 'innate models list shows what is here',
    });
  }
  report.result(`${id}: removed, ${formatBytes(bytes)} freed`, { id, bytes });
}

/** A damaged one is fetched again. */
function intact(models: FetchedModels, id: string, report: Report): FetchedModel | null {
  try {
    return models.find(id);
  } catch (error) {
    report.note(`note: ${asInnateError(error).message}, and is replaced`);
    return null;
  }
}

function placeOf(entry: CatalogueModel, { url, from }: FetchOptions): Place {
  if (url !== undefined && from !== undefined)
    throw new InnateError('bad-argument', 'either --url or --from can be given, not both');
  if (from !== undefined) return { path: from };
  if (url !== undefined) return { address: checkedAddress(url, '--url'), known: false };
  const address = entry.files[0]?.url;
  if (entry.kind === 'official' && address) return { address: mirrored(address), known: true };
  throw new InnateError('unsupported', 'this model has to be downloaded by hand', {
    where: entry.id,
    expected: `its file from ${address ?? 'its authors'}`,
    hint: `Open that address in a browser, save the file, and run: innate models fetch ${entry.id} --from FILE`,
  });
}

function announcement(entry: CatalogueModel, place: Place): string {
  if ('path' in place) return `${entry.name}, from ${place.path}`;
  const size = fileSize(entry);
  const about = size ? `${size.estimated ? 'about ' : ''}${formatBytes(size.bytes)}, ` : '';
  return `${entry.name}: ${about}from ${new URL(place.address).host}. Licence: ${entry.licence}`;
}

async function fetchFrom(
  entry: CatalogueModel,
  place: Place,
  models: FetchedModels,
  signal: AbortSignal,
  report: Report,
): Promise<FetchedModel> {
  const say = stateTeller(report);
  try {
    return await obtain(entry, place, models, {
      signal,
      note: (text) => report.note(text),
      onDownload: say,
      onConvert(done, total) {
        say({ phase: 'converting' });
        report.transfer(done, total, null, null);
      },
    });
  } catch (error) {
    throw error instanceof DownloadError ? byHand(error, entry.id) : error;
  } finally {
    report.endProgress();
  }
}

/** Says each change of what is done once, and keeps the bar of what goes on. */
function stateTeller(report: Report) {
  let phase = '';
  const words: Record<string, string> = {
    connecting: 'connecting',
    checking: 'going on from what came before',
    receiving: 'downloading',
    converting: 'converting to float16',
  };
  return (state: DownloadState | { phase: 'converting' }) => {
    if (state.phase !== phase) {
      report.endProgress();
      const text =
        state.phase === 'waiting'
          ? `${state.done > 0 ? 'the connection broke' : 'no answer'}: trying again in ${state.seconds} s`
          : words[state.phase]!;
      report.note(text);
    }
    phase = state.phase;
    if (state.phase === 'receiving') report.transfer(state.done, state.total, state.rate, state.left);
    if (state.phase === 'checking') report.transfer(state.done, state.total, null, null);
  };
}

/** A download's error for somebody at a terminal: what broke the connection, and how to go on without it. */
function byHand(error: DownloadError, id: string): InnateError {
  if (error.reason === 'cancelled') return error;
  const { where, expected, found } = error.detail;
  const seen = found ?? deepest(error);
  const same = 'The same command goes on from there';
  const another = `Name another source with --url, or download ${error.address} by other means and run: innate models fetch ${id} --from FILE`;
  const goesOn = error.reason === 'broken' || error.reason === 'busy' || error.reason === 'offline';
  return new InnateError(
    error.code,
    error.message,
    {
      ...(where !== undefined && { where }),
      ...(expected !== undefined && { expected }),
      ...(seen !== undefined && { found: seen }),
      hint: error.reason === 'full' ? (error.detail.hint ?? same) : goesOn ? same : another,
    },
    error,
  );
}

/** What the first of the errors behind an error says: ECONNREFUSED, or its words. */
function deepest(error: Error): string | undefined {
  let last: Error | undefined;
  for (let cause = error.cause; cause instanceof Error; cause = cause.cause) last = cause;
  return (last as NodeJS.ErrnoException | undefined)?.code ?? last?.message;
}

/** Ctrl-C ends the work in order, and then the process as it would have. */
async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>, report: Report): Promise<T> {
  const controller = new AbortController();
  let heard: Parameters<typeof endProcess>[0] | null = null;
  const done = onInterrupt((signal) => {
    heard = signal;
    controller.abort();
  });
  try {
    return await work(controller.signal);
  } catch (error) {
    if (heard === null) throw error;
    report.note('stopped: the same command goes on from here');
    return endProcess(heard);
  } finally {
    done();
  }
}
