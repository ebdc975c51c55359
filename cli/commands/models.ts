import { counted, formatBytes } from '../../src/lib/words';
import { type CatalogueModel, fileSize } from '../../src/storage/catalogue';
import { readCatalogue } from '../catalogue';
import { verifyEntry, verifyFetched, verifyShipped } from '../catalogue-check';
import { type FetchedModel, FetchedModels } from '../fetched/cache';
import type { CommonOptions } from '../options';
import type { Report } from '../report';

/** innate models list: what there is, what of it is on this machine, and how good its authors say that it is. */
export function listModels(_options: Pick<CommonOptions, 'json'>, report: Report): void {
  const { models } = readCatalogue();
  const cache = new FetchedModels();
  const { models: fetched, damaged } = cache.list();
  const unfinished = cache.unfinished();
  for (const error of damaged) report.note(`warning: ${error.describe()}`);
  const places = models.map((model) => placeOf(model, fetched, unfinished));
  const rows = models.map((m, i) => [
    m.id,
    places[i]!.words,
    sizeOf(m, places[i]!),
    `${m.resolution}x${m.resolution}`,
    m.nfe === undefined ? '' : String(m.nfe),
    reported(m),
    m.name,
  ]);
  const head = ['MODEL', 'WHERE', 'SIZE', 'IMAGES', 'NFE', 'FID AS REPORTED', 'NAME'];
  report.result(`${table([head, ...rows])}\n\nFetched models are in ${cache.folder}`, {
    folder: cache.folder,
    models: models.map((m, i) => ({ ...m, here: places[i]!.here, unfinished: places[i]!.unfinished })),
    damaged: damaged.map(({ message, detail }) => ({ message, ...detail })),
  });
}

interface Place {
  words: 'shipped' | 'fetched' | 'unfinished' | 'to fetch' | 'by hand';
  here: FetchedModel | null;
  /** Bytes of a download that was broken off. */
  unfinished: number | null;
}

function placeOf(
  { id, kind }: CatalogueModel,
  fetched: readonly FetchedModel[],
  unfinished: readonly { id: string; bytes: number }[],
): Place {
  const here = fetched.find((f) => f.id === id) ?? null;
  const part = unfinished.find((u) => u.id === id)?.bytes ?? null;
  const elsewhere = part !== null ? 'unfinished' : kind === 'official' ? 'to fetch' : 'by hand';
  return { words: kind === 'shipped' ? kind : here ? 'fetched' : elsewhere, here, unfinished: part };
}

function sizeOf(model: CatalogueModel, { here, unfinished }: Place): string {
  const size = here ? { bytes: here.bytes, estimated: false } : fileSize(model);
  const whole = size === null ? '-' : `${size.estimated ? 'about ' : ''}${formatBytes(size.bytes)}`;
  return here || unfinished === null ? whole : `${formatBytes(unfinished)} of ${whole}`;
}

/** FID is what a network's authors report; what this project measures is another distance, and has another column. */
function reported({ reported, nfe }: CatalogueModel): string {
  if (!reported) return '';
  const notes = [
    ...(reported.of === 'family' ? ['best of its method'] : []),
    ...(reported.nfe !== undefined && reported.nfe !== nfe ? [`${reported.nfe} NFE`] : []),
  ];
  return `${reported.value}${notes.length > 0 ? ` (${notes.join(', ')})` : ''}`;
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const line = (row: readonly string[]) => row.map((cell, i) => cell.padEnd(widths[i]!)).join('  ');
  return rows.map((row) => line(row).trimEnd()).join('\n');
}

/**
 * innate models verify: every entry is a network that exists, every shipped file is there as it should be, and every
 * fetched one is what was written.
 */
export function verifyModels(_options: Pick<CommonOptions, 'json'>, report: Report): void {
  const { models } = readCatalogue();
  let files = 0;
  let shipped = 0;
  for (const [i, model] of models.entries()) {
    report.progress(i, models.length);
    verifyEntry(model);
    if (model.kind !== 'shipped') continue;
    verifyShipped(model);
    files += model.files.length;
    shipped++;
  }
  const fetched = new FetchedModels().list();
  for (const [i, model] of fetched.models.entries()) {
    report.progress(i, fetched.models.length);
    verifyFetched(model);
  }
  for (const error of fetched.damaged) throw error;
  report.result(
    `${counted(models.length, 'model')}, ${counted(shipped, 'shipped one')} with ${counted(files, 'file')}: all as the catalogue says` +
      (fetched.models.length > 0 ? `\n${counted(fetched.models.length, 'fetched model')}: as written` : ''),
    { models: models.length, shipped, files, fetched: fetched.models.length, ok: true },
  );
}
