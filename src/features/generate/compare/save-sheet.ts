import { footText } from '../../../lib/row-caption';
import { drawSheet, type SheetRow } from '../../../lib/sheet/sheet';
import type { EngineStatus } from '../../../protocol/models';
import { shows } from '../../../state/compare/store';
import { classWords } from '../../../state/generate/images';
import { formatNumber } from '../../../ui/format';
import { saveBlob } from '../../../ui/save-blob';
import { sheetPng } from '../../../ui/sheet-png';
import { classNote } from './class-note';
import type { ShownRow } from './use-rows';

/** Saves the rows as one picture with captions: what `innate compare --out sheet.png` draws. */
export async function saveSheet(
  rows: readonly ShownRow[],
  status: EngineStatus | null,
  columns: number,
): Promise<void> {
  const seeds = (rows[0]?.wanted ?? []).slice(0, columns);
  const sheet = drawSheet({
    heads: seeds.map(({ seed }, column) => headText(seed, rows, column)),
    foot: footText(
      status?.backend?.label ?? 'this machine',
      rows.map((row) => row.figures),
    ),
    rows: rows.map((row) => sheetRow(row, columns)),
  });
  const blob = await sheetPng(sheet);
  if (blob) saveBlob(blob, `compare-seed-${formatNumber(seeds[0]?.seed ?? 0)}.png`);
}

function sheetRow(row: ShownRow, columns: number): SheetRow {
  return {
    figures: row.figures,
    note: classNote(row),
    images: row.wanted.slice(0, columns).map((want, column) => {
      const image = row.result.images[column];
      return image && shows(image, want)
        ? { resolution: image.resolution, channels: 4, data: image.pixels }
        : null;
    }),
  };
}

/** "seed 7, sneaker": with the class where one is chosen for all. */
function headText(seed: number, rows: readonly ShownRow[], column: number): string {
  const chosen = rows.find((row) => row.wanted[column]?.asked != null);
  const asked = chosen?.wanted[column]?.asked ?? null;
  const words = classWords(chosen?.model.facts?.classes ?? null, asked, chosen?.mix ?? []);
  const named = words === null ? '' : `, ${words}`;
  return `seed ${formatNumber(seed)}${named}`;
}
