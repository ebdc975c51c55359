import { counted } from '../../src/lib/words';
import { type CatalogueModel, fileSize } from '../../src/storage/catalogue';
import { readCatalogue } from '../catalogue';
import { verifyEntry, verifyShipped } from '../catalogue-check';
import type { CommonOptions } from '../options';
import type { Report } from '../report';

/** innate models list */
export function listModels(_options: Pick<CommonOptions, 'json'>, report: Report): void {
  const { models } = readCatalogue();
  const rows = models.map((m) => [m.id, m.kind, m.role, `${m.resolution}x${m.resolution}`, size(m), m.name]);
  const widths = rows.reduce(
    (w, row) => row.map((cell, i) => Math.max(w[i] ?? 0, cell.length)),
    [] as number[],
  );
  const lines = rows.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i]!))
      .join('  ')
      .trimEnd(),
  );
  report.result(lines.join('\n'), { models });
}

const size = (m: CatalogueModel): string => {
  const size = fileSize(m);
  if (!size) return '-';
  return size.estimated ? `about ${(size.bytes / 1e6).toFixed(0)} MB` : `${(size.bytes / 1e6).toFixed(1)} MB`;
};

/** innate models verify: every entry is a network that exists, and every shipped file is there as it should be. */
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
  report.result(
    `${counted(models.length, 'model')}, ${counted(shipped, 'shipped one')} with ${counted(files, 'file')}: all as the catalogue says`,
    { models: models.length, shipped, files, ok: true },
  );
}
