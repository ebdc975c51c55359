import { coverage, MARGIN, sigmaText, startOf } from '../../state/layers/summary';
import type { LayersView } from '../../state/layers/view';
import { formatValue } from '../../ui/format';
import { hexColour, type Ramp, rampBytes } from '../../ui/ramp';
import { LIGHT_RAMPS } from './figure-colours';
import { type MapModel, RATIO_SPAN, ratioShade } from './map-model';
import type { Findings, Pair } from './types';
import { axisText, INPUT_WORDS, imagesText, percentText, QUANTITY_WORDS, SCALE_WORDS } from './words';

const ROW = 16;
const GAP = 8;
const MARGIN_X = 16;
const NAMES = 196;
const CELL = 34;
const TOP = 84;
/** A column beside the map: the student, the ratio. */
const COLUMN = 40;
const BETWEEN = 16;
const BARS = 88;
const FONT_SIZE = 11;
const LEGEND = 208;
const FONT = 'font-family="system-ui, sans-serif"';

export interface Figure {
  text: string;
  width: number;
  height: number;
}

/** The map as a drawing that stands alone: light, with title, axes and keys, for papers and slides. */
export function figureSvg(model: MapModel, findings: Findings, pair: Pair, view: LayersView): Figure {
  const { rows, sigmas, split } = model;
  const c = LIGHT_RAMPS;
  const student = pair.student !== null;
  const words = QUANTITY_WORDS[view.quantity];
  const start = sigmaText(startOf(findings));
  const x0 = MARGIN_X + NAMES;
  const right = x0 + sigmas.length * CELL;
  const columns = {
    student: right + BETWEEN,
    ratio: right + 2 * BETWEEN + COLUMN,
    weights: right + 3 * BETWEEN + 2 * COLUMN,
  };
  const draw = new Drawing(c.ink);
  const shade = (ramp: Ramp, at: number) => hexColour(rampBytes(ramp, at));
  const top = (row: number) => TOP + row * ROW + (split > 0 && row >= split ? GAP : 0);
  const bottom = top(rows.length);

  draw.text(MARGIN_X, 24, `${words.name}, ${pair.map.name}`, { weight: 600, size: 14 });
  draw.text(MARGIN_X, 44, `${method(findings)}; colours by ${SCALE_WORDS[view.scale].name.toLowerCase()}`);
  draw.text(MARGIN_X, TOP - 8, 'block');
  draw.text(x0 - 10, TOP - 8, 'channels', { anchor: 'end' });
  draw.text(x0, TOP - 8, student ? 'teacher, from noise to image' : 'from noise to image');
  if (student) {
    draw.text(columns.student, TOP - 8, 'student');
    draw.text(columns.ratio, TOP - 8, 'ratio');
    draw.text(columns.weights, TOP - 8, 'weight change');
  }

  rows.forEach((r, y) => {
    const inner = r.row.part !== null;
    draw.text(MARGIN_X + (inner ? 12 : 0), top(y) + 12, inner ? r.row.part! : r.row.name);
    draw.text(x0 - 10, top(y) + 12, String(r.row.channels), { anchor: 'end' });
    r.shades.forEach((s, x) => {
      if (s !== null) draw.rect(x0 + x * CELL, top(y), CELL, ROW, shade(c.sequential, s));
    });
    if (!student) return;
    if (r.student) draw.rect(columns.student, top(y), COLUMN, ROW, shade(c.sequential, r.student.shade));
    if (r.ratio !== null && r.ratio > 0)
      draw.rect(columns.ratio, top(y), COLUMN, ROW, shade(c.diverging, ratioShade(r.ratio)));
    if (r.change !== null)
      draw.rect(columns.weights, top(y) + 4, (BARS * r.change) / (model.mostChange || 1), 8, c.ink);
    if (r.likest) draw.dot(x0 + (r.likest.level + 0.5) * CELL, top(y) + ROW / 2, r.likest.clear);
  });

  const every = Math.ceil(sigmas.length / 20);
  sigmas.forEach((sigma, i) => {
    if (i % every === 0) draw.text(x0 + (i + 0.5) * CELL, bottom + 16, axisText(sigma), { anchor: 'middle' });
  });
  draw.text(MARGIN_X, bottom + 16, 'sigma');
  if (student) {
    draw.text(columns.student, bottom + 16, `at ${start}`);
    draw.text(columns.ratio, bottom + 16, `at ${start}`);
    if (model.mostChange > 0)
      draw.text(columns.weights, bottom + 16, `0 to ${percentText(model.mostChange)}`);
  }

  // Keys: a line each for its name, the scale, its ends.
  const keys = bottom + 44;
  const range = model.range;
  legend(
    x0,
    range ? words.short : `${words.short}, each ${view.scale === 'row' ? 'row' : 'kind'} by itself`,
    c.sequential,
    range ? formatValue(range.low) : 'lowest',
    range ? formatValue(range.high) : 'highest',
  );
  let height = keys + 48;
  if (student) {
    legend(
      x0 + LEGEND + 48,
      `student ÷ teacher, both at ${start}`,
      c.diverging,
      `÷ ${RATIO_SPAN}`,
      `× ${RATIO_SPAN}`,
    );
    if (rows.some((r) => r.likest)) {
      draw.dot(x0 + 5, height + 8, true);
      draw.text(
        x0 + 18,
        height + 12,
        `the sigma at which the teacher’s block is most like the student’s at ${start}`,
      );
      draw.dot(x0 + 5, height + 26, false);
      draw.text(
        x0 + 18,
        height + 30,
        `likewise, but no sigma stands out: more than half are within ${MARGIN} (linear CKA)`,
      );
      height += 40;
    }
  }
  return draw.finish(MARGIN_X + (student ? columns.weights + BARS : right), height, c.ground);

  function legend(x: number, name: string, ramp: Ramp, low: string, high: string): void {
    draw.text(x, keys, name);
    for (let i = 0; i < LEGEND / 4; i++)
      draw.rect(x + i * 4, keys + 8, 4.2, 10, shade(ramp, (4 * i) / LEGEND));
    draw.text(x, keys + 32, low);
    draw.text(x + LEGEND, keys + 32, high, { anchor: 'end' });
  }
}

/** "Noised real, mean of 8 images", and how much of it there is where it was stopped. */
function method(findings: Findings): string {
  const { images, first, levels, sigmas } = coverage(findings);
  const input = INPUT_WORDS[findings.input as keyof typeof INPUT_WORDS]?.name ?? findings.input;
  if (images === 0) return `${input}, first look at ${imagesText(first)}`;
  return `${input}, mean of ${imagesText(images)}${levels < sigmas ? `, ${levels} of ${sigmas} sigmas` : ''}`;
}

interface TextStyle {
  anchor?: 'middle' | 'end';
  weight?: number;
  size?: number;
}

/** SVG elements as they are added; grows wider where a line of text needs it. */
class Drawing {
  private readonly out: string[] = [];
  private reach = 0;

  constructor(private readonly ink: string) {}

  text(x: number, y: number, body: string, { anchor, weight, size = FONT_SIZE }: TextStyle = {}): void {
    if (!anchor) this.reach = Math.max(this.reach, x + textWidth(body, size));
    const extra = `${anchor ? ` text-anchor="${anchor}"` : ''}${weight ? ` font-weight="${weight}"` : ''}`;
    this.out.push(
      `<text x="${x}" y="${y}" font-size="${size}" fill="${this.ink}" ${FONT}${extra}>${escaped(body)}</text>`,
    );
  }

  rect(x: number, y: number, width: number, height: number, fill: string): void {
    this.out.push(`<rect x="${x}" y="${y}" width="${width}" height="${height}" fill="${fill}"/>`);
  }

  /** As on the screen: filled where one level stands out, hollow where none does. */
  dot(x: number, y: number, clear: boolean): void {
    const { mark, ground } = LIGHT_RAMPS;
    const circle = (r: number, fill: string) =>
      this.out.push(`<circle cx="${x}" cy="${y}" r="${r}" fill="${fill}"/>`);
    circle(5.5, ground);
    circle(4, mark);
    if (!clear) circle(2, ground);
  }

  finish(width: number, height: number, ground: string): Figure {
    const wide = Math.ceil(Math.max(width, this.reach + MARGIN_X));
    return {
      text: `<svg xmlns="http://www.w3.org/2000/svg" width="${wide}" height="${height}" viewBox="0 0 ${wide} ${height}"><rect width="100%" height="100%" fill="${ground}"/>${this.out.join('')}</svg>\n`,
      width: wide,
      height,
    };
  }
}

/** Room for a line of text in whatever sans serif there is. */
const textWidth = (body: string, size: number): number => 0.62 * size * body.length;

const escaped = (text: string): string =>
  text.replace(/[&<>"]/g, (ch) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[ch]!);
