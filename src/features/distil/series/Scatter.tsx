import { formatValue } from '../../../ui/format';
import { logScale } from './series-figure';
import { endOf, lineOf, type SeriesRow } from './series-rows';

const [WIDTH, HEIGHT, LEFT, BOTTOM] = [300, 228, 36, 24];

/** The distance at the end against the share that trains, both logarithmic. The table beside it has the numbers. */
export function Scatter({ rows }: { rows: readonly SeriesRow[] }) {
  const points = rows.flatMap((row, index) => {
    const end = endOf(row);
    return end && row.share ? [{ index, label: row.label, share: row.share, ...end }] : [];
  });
  if (points.length === 0) return <p className="caption">No distance yet.</p>;
  const values = points.map(({ value }) => value);
  const y = logScale(Math.min(...values), Math.max(...values), HEIGHT - BOTTOM, 12);
  const low = Math.min(0.01, ...points.map(({ share }) => share));
  const x = (share: number) => LEFT + ((WIDTH - LEFT - 12) * Math.log(share / low)) / Math.log(1 / low);
  const said = points
    .map((p) => `${p.label} ${(100 * p.share).toFixed(1)} %, ${formatValue(p.value)}`)
    .join('; ');
  return (
    <svg
      className="series-scatter"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      role="img"
      aria-label={`Distance at the end against the share that trains: ${said}`}
    >
      {y.ticks.map((tick) => (
        <g key={tick}>
          <line className="grid" x1={LEFT} x2={WIDTH} y1={y.at(tick)} y2={y.at(tick)} />
          <text x={LEFT - 6} y={y.at(tick) + 4} textAnchor="end">
            {tick}
          </text>
        </g>
      ))}
      {[0.01, 0.1, 1].map((share) => (
        <text key={share} x={x(share)} y={HEIGHT - 6} textAnchor={share === 1 ? 'end' : 'middle'}>
          {100 * share} %
        </text>
      ))}
      {points.map(({ index, label, share, value, error }) => (
        <g key={index} style={{ stroke: `var(${lineOf(index).colour})` }}>
          {error !== null && (
            <line
              x1={x(share)}
              x2={x(share)}
              y1={y.at(value + error)}
              y2={y.at(Math.max(y.low, value - error))}
            />
          )}
          <circle cx={x(share)} cy={y.at(value)} r={4} />
          <text
            x={x(share) - (share > 0.3 ? 9 : -9)}
            y={y.at(value) + 4}
            textAnchor={share > 0.3 ? 'end' : 'start'}
          >
            {label}
          </text>
        </g>
      ))}
    </svg>
  );
}
