import { formatValue, formatWhole } from '../../../ui/format';
import { type Figure, SvgDrawing } from '../../../ui/svg-drawing';
import { endOf, lineOf, type SeriesRow } from './series-rows';

const INK = '#171a1a';
const PALE = '#8b9090';
const LEFT = 64;
const TOP = 72;
const WIDTH = 420;
const HEIGHT = 240;
const SCATTER = LEFT + WIDTH + 210;
const SCATTER_WIDTH = 240;

/** Distance over images and by share that trains, as a drawing that stands alone: light, with title, axes and labels. */
export function seriesFigure(title: string, note: string, rows: readonly SeriesRow[]): Figure {
  const draw = new SvgDrawing({ ink: INK, mark: INK, ground: '#ffffff' });
  draw.text(16, 26, title, { weight: 600, size: 14 });
  draw.text(16, 46, note);
  const values = rows.flatMap(({ distances }) => distances.map(({ value }) => value)).filter((v) => v > 0);
  const y =
    values.length > 0
      ? logScale(Math.min(...values), Math.max(...values), TOP + HEIGHT, TOP)
      : logScale(1, 2, TOP + HEIGHT, TOP);
  const most = Math.max(1, ...rows.map(({ of }) => of));
  const x = (images: number) => LEFT + (WIDTH * images) / most;
  axis(draw, y, LEFT, WIDTH);
  for (const share of [0, 0.25, 0.5, 0.75, 1])
    draw.text(x(share * most), TOP + HEIGHT + 18, formatWhole(share * most), { anchor: 'middle' });
  draw.text(LEFT, TOP + HEIGHT + 36, 'images seen');
  draw.text(LEFT, TOP - 8, 'Fréchet distance');
  const labels = spread(
    rows.flatMap((row, i) => {
      const last = row.distances.at(-1);
      if (!last) return [];
      const { hex, dashes } = lineOf(i);
      draw.line(
        row.distances.map((d) => [x(d.images), y.at(d.value)]),
        hex,
        { dash: dashes, dots: true },
      );
      return [
        { at: y.at(last.value), text: `${row.label}  ${formatValue(last.value)}`, x: x(last.images), hex },
      ];
    }),
  );
  for (const { at, text, x: from, hex } of labels) {
    draw.circle(Math.max(from + 10, LEFT + WIDTH + 10), at, hex);
    draw.text(Math.max(from + 18, LEFT + WIDTH + 18), at + 4, text);
  }
  scatter(draw, y, rows);
  return draw.finish(SCATTER + SCATTER_WIDTH + 32, TOP + HEIGHT + 52, 24);
}

/** The distance at the end against the share that trains. */
function scatter(draw: SvgDrawing, y: LogScale, rows: readonly SeriesRow[]): void {
  const low = Math.min(0.01, ...rows.flatMap(({ share }) => (share ? [share] : [])));
  const x = (share: number) =>
    SCATTER + (SCATTER_WIDTH * Math.log(Math.max(share, low) / low)) / Math.log(1 / low);
  axis(draw, y, SCATTER, SCATTER_WIDTH);
  draw.text(SCATTER, TOP - 8, 'at the end, by share that trains');
  for (const share of [0.01, 0.1, 1])
    draw.text(x(share), TOP + HEIGHT + 18, `${100 * share} %`, { anchor: 'middle' });
  for (const [i, row] of rows.entries()) {
    const end = endOf(row);
    if (!end || !row.share) continue;
    draw.circle(x(row.share), y.at(end.value), lineOf(i).hex);
    if (end.error !== null)
      draw.line(
        [
          [x(row.share), y.at(end.value + end.error)],
          [x(row.share), y.at(Math.max(y.low, end.value - end.error))],
        ],
        lineOf(i).hex,
        { width: 1 },
      );
    const right = row.share > 0.3;
    draw.text(
      x(row.share) + (right ? -9 : 9),
      y.at(end.value) + 4,
      row.label,
      right ? { anchor: 'end' } : {},
    );
  }
}

interface LogScale {
  low: number;
  ticks: number[];
  at: (value: number) => number;
}

/** From the 1, 2 or 5 below the lowest value to the one above the highest. */
export function logScale(lowest: number, highest: number, bottom: number, top: number): LogScale {
  const nice: number[] = [];
  for (let power = -4; power <= 6; power++) for (const step of [1, 2, 5]) nice.push(step * 10 ** power);
  const low = nice.findLast((n) => n <= lowest) ?? lowest;
  const high = nice.find((n) => n >= highest && n > low) ?? highest;
  return {
    low,
    ticks: nice.filter((n) => n >= low && n <= high),
    at: (value) => bottom - ((bottom - top) * Math.log(Math.max(value, low) / low)) / Math.log(high / low),
  };
}

function axis(draw: SvgDrawing, y: LogScale, left: number, width: number): void {
  for (const tick of y.ticks) {
    draw.line(
      [
        [left, y.at(tick)],
        [left + width, y.at(tick)],
      ],
      tick === y.low ? PALE : '#e3e4df',
      { width: 1 },
    );
    draw.text(left - 8, y.at(tick) + 4, String(tick), { anchor: 'end' });
  }
}

/** Labels at least a line apart, in their order from the top. */
function spread<T extends { at: number }>(labels: readonly T[]): T[] {
  let above = Number.NEGATIVE_INFINITY;
  return [...labels]
    .sort((a, b) => a.at - b.at)
    .map((label) => {
      above = Math.max(label.at, above + 15);
      return { ...label, at: above };
    });
}
