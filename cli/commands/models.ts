import { statSync } from 'node:fs';
import { join } from 'node:path';
import { InnateError } from '../../src/lib/errors';
import { START_SIGMA } from '../../src/lib/sampling';
import { counted } from '../../src/lib/words';
import { type CatalogueFile, type CatalogueModel, fileSize } from '../../src/storage/catalogue';
import { modelsFolder, openModelArgument, readCatalogue, sha256OfFile } from '../catalogue';
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

/** innate models verify: every shipped file has its size and checksum, and opens as the network it should be. */
export function verifyModels(_options: Pick<CommonOptions, 'json'>, report: Report): void {
  const shipped = readCatalogue().models.filter((m) => m.kind === 'shipped');
  let files = 0;
  for (const [i, model] of shipped.entries()) {
    report.progress(i, shipped.length);
    for (const file of model.files) verifyFile(model.id, file);
    files += model.files.length;
    const { config, metadata } = openModelArgument(model.id);
    const said = metadata.get('sigma');
    if (said !== undefined && Number(said) !== (model.sigma ?? START_SIGMA))
      throw new InnateError('mismatch', 'the catalogue and the file differ in the start sigma', {
        where: `${model.id}: sigma`,
        expected: said,
        found: String(model.sigma ?? START_SIGMA),
      });
    if (config.unet.imgResolution !== model.resolution || config.unet.inChannels !== model.channels)
      throw new InnateError('mismatch', 'the catalogue describes another network', {
        where: model.id,
        expected: `${model.resolution}x${model.resolution}, ${model.channels} channels`,
        found: `${config.unet.imgResolution}x${config.unet.imgResolution}, ${config.unet.inChannels} channels`,
      });
  }
  report.result(`${counted(shipped.length, 'model')}, ${counted(files, 'file')}: all as the catalogue says`, {
    models: shipped.length,
    files,
    ok: true,
  });
}

function verifyFile(id: string, { path, bytes, sha256 }: CatalogueFile): void {
  if (path === undefined) return;
  const full = join(modelsFolder(), path);
  const found = statSync(full, { throwIfNoEntry: false })?.size;
  if (found === undefined)
    throw new InnateError('not-found', 'a shipped file is missing', { where: `${id}: ${path}` });
  if (bytes !== null && bytes !== found)
    throw new InnateError('bad-file', 'a shipped file has another size', {
      where: `${id}: ${path}`,
      expected: `${bytes} bytes`,
      found: `${found}`,
    });
  if (sha256 === null) return;
  const actual = sha256OfFile(full);
  if (actual !== sha256)
    throw new InnateError('bad-file', 'a shipped file has another checksum', {
      where: `${id}: ${path}`,
      expected: sha256,
      found: actual,
    });
}
