import { sigmaText } from '../../state/layers-summary';
import type { LayersView } from '../../state/layers-view';
import { formatValue } from '../../ui/format';
import { hexColour, type Ramp, rampBytes } from '../../ui/ramp';
import { LIGHT_RAMPS } from './figure-colours';
import { type MapModel, RATIO_SPAN, ratioShade } from './map-model';
import type { Findings, Pair } from './types';
import { INPUT_WORDS, QUANTITY_WORDS, SCALE_WORDS } from './words';

const ROW = 16;
const GAP = 8;
const NAMES = 190;
const CELL = 30;
const TOP = 64;
const FONT = 'font-family="system-ui, sans-serif"';

/** The map as a drawing that stands alone: light, with title, axes and legend, for papers and slides. */
export function figureSvg(
  model: MapModel,
  findings: Findings,
  pair: Pair,
  view: LayersView,
): { text: string; width: number; height: number } {
  const { rows, sigmas, split } = model;
  const c = LIGHT_RAMPS;
  const mapWidth = sigmas.length * CELL;
  const student = pair.student !== null;
  const width = NAMES + mapWidth + (student ? 200 : 24) + 16;
  const top = (row: number) => TOP + row * ROW + (split > 0 && row >= split ? GAP : 0);
  const bottom = top(rows.length);
  const height = bottom + 84;
  const out: string[] = [];
  const text = (x: number, y: number, body: string, extra = '', size = 11) =>
    out.push(
      `<text x="${x}" y="${y}" font-size="${size}" fill="${c.ink}" ${FONT} ${extra}>${escaped(body)}</text>`,
    );
  const rect = (x: number, y: number, w: number, fill: string) =>
    out.push(`<rect x="${x}" y="${y}" width="${w}" height="${ROW}" fill="${fill}"/>`);
  const shade = (ramp: Ramp, at: number) => hexColour(rampBytes(ramp, at));
  const words = QUANTITY_WORDS[view.quantity];
  text(12, 20, `${words.name}, ${pair.map.name}`, 'font-weight="600"', 13);
  text(
    12,
    38,
    `${INPUT_WORDS[findings.input as keyof typeof INPUT_WORDS]?.name ?? findings.input}, mean of ${findings.samples} images; colours by ${SCALE_WORDS[view.scale].name.toLowerCase()}`,
  );
  const x0 = NAMES;
  const columns = { student: x0 + mapWidth + 16, ratio: x0 + mapWidth + 60, weights: x0 + mapWidth + 104 };
  if (student) {
    text(columns.student, TOP - 6, 'student');
    text(columns.ratio, TOP - 6, 'ratio');
    text(columns.weights, TOP - 6, 'weight change');
  }
  rows.forEach((r, y) => {
    text(12, top(y) + 12, r.row.part === null ? r.row.name : `   ${r.row.part}`, 'xml:space="preserve"');
    text(NAMES - 10, top(y) + 12, String(r.row.channels), 'text-anchor="end"');
    r.shades.forEach(
      (s, x) => void (s !== null && rect(x0 + x * CELL, top(y), CELL, shade(c.sequential, s))),
    );
    if (r.student) rect(columns.student, top(y), 32, shade(c.sequential, r.student.shade));
    if (r.ratio !== null && r.ratio > 0)
      rect(columns.ratio, top(y), 32, shade(c.diverging, ratioShade(r.ratio)));
    if (r.change !== null)
      out.push(
        `<rect x="${columns.weights}" y="${top(y) + 4}" width="${(72 * r.change) / (model.mostChange || 1)}" height="8" fill="${c.ink}"/>`,
      );
    if (r.likest)
      out.push(
        `<circle cx="${x0 + (r.likest.level + 0.5) * CELL}" cy="${top(y) + ROW / 2}" r="4" stroke="${c.ground}" stroke-width="1.5" fill="${r.likest.clear ? c.mark : 'none'}"/>`,
      );
  });
  sigmas.forEach((sigma, i) => {
    if (i % Math.ceil(sigmas.length / 20) === 0)
      text(x0 + (i + 0.5) * CELL, bottom + 16, sigmaText(sigma), 'text-anchor="middle"');
  });
  text(12, bottom + 16, 'sigma');
  legend(
    x0,
    c.sequential,
    model.range ? formatValue(model.range.low) : 'lowest of the row',
    words.short,
    model.range ? formatValue(model.range.high) : 'highest',
  );
  if (student) legend(x0 + 240, c.diverging, `÷ ${RATIO_SPAN}`, 'student ÷ teacher', `× ${RATIO_SPAN}`);

  function legend(x: number, ramp: Ramp, low: string, name: string, high: string): void {
    for (let i = 0; i < 50; i++)
      out.push(
        `<rect x="${x + i * 4}" y="${bottom + 34}" width="4.2" height="10" fill="${shade(ramp, i / 49)}"/>`,
      );
    text(x, bottom + 60, low);
    text(x + 100, bottom + 60, name, 'text-anchor="middle"');
    text(x + 200, bottom + 60, high, 'text-anchor="end"');
  }
  return {
    text: `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}"><rect width="100%" height="100%" fill="${c.ground}"/>${out.join('')}</svg>\n`,
    width,
    height,
  };
}

const escaped = (text: string): string =>
  text.replace(/[&<>"]/g, (ch) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[ch]!);
