import { coverage, MARGIN, sigmaText, startOf } from '../../state/layers/summary';
import type { LayersView } from '../../state/layers/view';
import { formatValue } from '../../ui/format';
import { hexColour, type Ramp, rampBytes } from '../../ui/ramp';
import { type Figure, SvgDrawing } from '../../ui/svg-drawing';
import { LIGHT_RAMPS } from './figure-colours';
import { layoutOf, type MapModel, type MapRow, RATIO_SPAN, ratioShade } from './map-model';
import type { Findings, Pair } from './types';
import { axisText, INPUT_WORDS, imagesText, percentText, QUANTITY_WORDS, SCALE_WORDS } from './words';

const ROW = 16;
const MARGIN_X = 16;
const NAMES = 196;
const CELL = 34;
const TOP = 84;
/** A column beside the map: the student, the ratio. */
const COLUMN = 40;
const BETWEEN = 16;
const BARS = 88;
const LEGEND = 208;

/** Where the parts of a figure are, in pixels. */
interface Places {
  cells: number;
  /** Columns beside the map, and the right edge of the drawing. */
  student: number;
  ratio: number;
  weights: number;
  right: number;
  top: (row: number) => number;
  /** Below the last row. */
  bottom: number;
}

function placesOf(model: MapModel, student: boolean): Places {
  const { rows, sigmas } = model;
  const layout = layoutOf(model, { pitch: ROW });
  const cells = MARGIN_X + NAMES;
  const end = cells + sigmas.length * CELL;
  const weights = end + 3 * BETWEEN + 2 * COLUMN;
  const top = (row: number) => TOP + layout.top(row);
  return {
    cells,
    student: end + BETWEEN,
    ratio: end + 2 * BETWEEN + COLUMN,
    weights,
    right: MARGIN_X + (student ? weights + BARS : end),
    top,
    bottom: top(rows.length),
  };
}

/** What each part of a figure is drawn from. */
interface Part {
  draw: SvgDrawing;
  at: Places;
  model: MapModel;
  /** The sigma that a student starts at, where one is compared. */
  start: string | null;
}

/** The map as a drawing that stands alone: light, with title, axes and keys, for papers and slides. */
export function figureSvg(model: MapModel, findings: Findings, pair: Pair, view: LayersView): Figure {
  const student = pair.student !== null;
  const { ink, mark, ground } = LIGHT_RAMPS;
  const part: Part = {
    draw: new SvgDrawing({ ink, mark, ground }),
    at: placesOf(model, student),
    model,
    start: student ? sigmaText(startOf(findings)) : null,
  };
  const { draw, at } = part;
  const { name } = QUANTITY_WORDS[view.quantity];
  draw.text(MARGIN_X, 24, `${name}, ${pair.map.name}`, { weight: 600, size: 14 });
  draw.text(MARGIN_X, 44, `${method(findings)}; colours by ${SCALE_WORDS[view.scale].name.toLowerCase()}`);
  drawHeads(part);
  model.rows.forEach((row, y) => {
    drawRow(part, row, at.top(y));
  });
  drawAxis(part);
  return draw.finish(at.right, drawKeys(part, view), MARGIN_X);
}

function drawHeads({ draw, at, start }: Part): void {
  const y = TOP - 8;
  draw.text(MARGIN_X, y, 'block');
  draw.text(at.cells - 10, y, 'channels', { anchor: 'end' });
  draw.text(at.cells, y, start === null ? 'from noise to image' : 'teacher, from noise to image');
  if (start === null) return;
  draw.text(at.student, y, 'student');
  draw.text(at.ratio, y, 'ratio');
  draw.text(at.weights, y, 'weight change');
}

/** Name and cells of a row, and what stands beside it where a student is compared. */
function drawRow({ draw, at, model, start }: Part, r: MapRow, y: number): void {
  const { sequential, diverging, ink } = LIGHT_RAMPS;
  const inner = r.row.part !== null;
  draw.text(MARGIN_X + (inner ? 12 : 0), y + 12, r.row.part ?? r.row.name);
  draw.text(at.cells - 10, y + 12, String(r.row.channels), { anchor: 'end' });
  r.shades.forEach((s, x) => {
    if (s !== null) draw.rect(at.cells + x * CELL, y, CELL, ROW, colour(sequential, s));
  });
  if (start === null) return;
  if (r.student) draw.rect(at.student, y, COLUMN, ROW, colour(sequential, r.student.shade));
  if (r.ratio !== null && r.ratio > 0)
    draw.rect(at.ratio, y, COLUMN, ROW, colour(diverging, ratioShade(r.ratio)));
  if (r.change !== null) draw.rect(at.weights, y + 4, (BARS * r.change) / (model.mostChange || 1), 8, ink);
  if (r.likest) draw.dot(at.cells + (r.likest.level + 0.5) * CELL, y + ROW / 2, r.likest.clear);
}

function drawAxis({ draw, at, model: { sigmas, mostChange }, start }: Part): void {
  const y = at.bottom + 16;
  const every = Math.ceil(sigmas.length / 20);
  sigmas.forEach((sigma, i) => {
    if (i % every === 0) draw.text(at.cells + (i + 0.5) * CELL, y, axisText(sigma), { anchor: 'middle' });
  });
  draw.text(MARGIN_X, y, 'sigma');
  if (start === null) return;
  draw.text(at.student, y, `at ${start}`);
  draw.text(at.ratio, y, `at ${start}`);
  if (mostChange > 0) draw.text(at.weights, y, `0 to ${percentText(mostChange)}`);
}

/** The scales of the colours and what the dots mean; gives the height of the whole drawing. */
function drawKeys({ draw, at, model: { rows, range }, start }: Part, view: LayersView): number {
  const { short } = QUANTITY_WORDS[view.quantity];
  const { sequential, diverging } = LIGHT_RAMPS;
  const x = at.cells;
  const y = at.bottom + 44;
  const bottom = y + 48;
  const name = range ? short : `${short}, each ${view.scale === 'row' ? 'row' : 'kind'} by itself`;
  const ends = range ? [formatValue(range.low), formatValue(range.high)] : ['lowest', 'highest'];
  drawLegend(draw, { x, y, name, ramp: sequential, ends });
  if (start === null) return bottom;
  drawLegend(draw, {
    x: x + LEGEND + 48,
    y,
    name: `student ÷ teacher, both at ${start}`,
    ramp: diverging,
    ends: [`÷ ${RATIO_SPAN}`, `× ${RATIO_SPAN}`],
  });
  if (!rows.some((r) => r.likest)) return bottom;
  const clear = `the sigma at which the teacher’s block is most like the student’s at ${start}`;
  const unclear = `likewise, but no sigma stands out: more than half are within ${MARGIN} (linear CKA)`;
  for (const [line, says] of [clear, unclear].entries()) {
    draw.dot(x + 5, bottom + 8 + 18 * line, line === 0);
    draw.text(x + 18, bottom + 12 + 18 * line, says);
  }
  return bottom + 40;
}

interface Legend {
  x: number;
  y: number;
  name: string;
  ramp: Ramp;
  /** What the first and the last colour mean. */
  ends: string[];
}

/** A line each for its name, the scale, its ends. */
function drawLegend(draw: SvgDrawing, { x, y, name, ramp, ends: [low = '', high = ''] }: Legend): void {
  draw.text(x, y, name);
  for (let i = 0; i < LEGEND / 4; i++) draw.rect(x + i * 4, y + 8, 4.2, 10, colour(ramp, (4 * i) / LEGEND));
  draw.text(x, y + 32, low);
  draw.text(x + LEGEND, y + 32, high, { anchor: 'end' });
}

const colour = (ramp: Ramp, at: number) => hexColour(rampBytes(ramp, at));

/** "Noised real, mean of 8 images", and how much of it there is where it was stopped. */
function method(findings: Findings): string {
  const { images, first, levels, sigmas } = coverage(findings);
  const input = INPUT_WORDS[findings.input as keyof typeof INPUT_WORDS]?.name ?? findings.input;
  if (images === 0) return `${input}, first look at ${imagesText(first)}`;
  return `${input}, mean of ${imagesText(images)}${levels < sigmas ? `, ${levels} of ${sigmas} sigmas` : ''}`;
}
