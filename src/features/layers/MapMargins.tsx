import type { LikenessJson } from '../../lib/activations';
import { sigmaText, startOf, verdict } from '../../state/layers/summary';
import { formatValue } from '../../ui/format';
import { rampColour } from '../../ui/ramp';
import { type DrawProps, type MapModel, type MapRow, ratioShade } from './map-model';
import type { Findings } from './types';
import { axisText, percentText } from './words';

/** What stands beside and below the cells: the student, the weights, the sigmas, and how many blocks are like each. */
export function Columns({ model, ramps, layout: { height, pitch, top } }: DrawProps) {
  const { rows, mostChange } = model;
  const column = (cell: (r: MapRow) => { colour: string; title: string } | null) => (
    <svg
      viewBox={`0 0 1 ${height}`}
      preserveAspectRatio="none"
      shapeRendering="crispEdges"
      aria-hidden="true"
    >
      {rows.map((r, y) => {
        const shown = cell(r);
        return (
          shown && (
            <rect key={r.row.name} x={0} y={top(y)} width={1} height={pitch} fill={shown.colour}>
              <title>{`${r.row.name}, ${shown.title}`}</title>
            </rect>
          )
        );
      })}
    </svg>
  );
  return (
    <>
      <div className="map-column" style={{ blockSize: height }}>
        {column(
          ({ student }) =>
            student && {
              colour: rampColour(ramps.sequential, student.shade),
              title: `student: ${formatValue(student.value)}`,
            },
        )}
      </div>
      <div className="map-column" style={{ blockSize: height }}>
        {column(({ ratio }) =>
          ratio === null || ratio <= 0
            ? null
            : {
                colour: rampColour(ramps.diverging, ratioShade(ratio)),
                title: `student ÷ teacher: ${formatValue(ratio)}`,
              },
        )}
      </div>
      <div className="map-weights" style={{ blockSize: height }}>
        {rows.map((r, y) =>
          r.change === null ? null : (
            <span
              key={r.row.name}
              style={{ insetBlockStart: top(y) }}
              title={`${r.row.name}: weights changed by ${percentText(r.change)}, ${percentText(r.frozen ?? 0)} of them frozen`}
            >
              <i className="thaw" style={{ inlineSize: `${100 * (1 - (r.frozen ?? 0))}%` }} />
              <i className="bar" style={{ inlineSize: `${(100 * r.change) / (mostChange || 1)}%` }} />
            </span>
          ),
        )}
      </div>
      <div className="map-foot weights caption">
        0 to {percentText(mostChange)}
        <br />
        <i className="thaw-key" />
        trained
      </div>
    </>
  );
}

export function SigmaAxis({ sigmas, chosen }: { sigmas: readonly number[]; chosen: number }) {
  const every = Math.ceil(sigmas.length / 18);
  return (
    <>
      <div className="map-foot names caption">sigma</div>
      <div className="map-axis" aria-hidden>
        {sigmas.map((sigma, i) =>
          i % every === 0 || i === chosen ? (
            <span
              key={sigma}
              className={i === chosen ? 'chosen' : Math.abs(i - chosen) < every ? 'crowded' : undefined}
              style={{ insetInlineStart: `${(100 * (i + 0.5)) / sigmas.length}%` }}
            >
              {axisText(sigma)}
            </span>
          ) : null,
        )}
      </div>
    </>
  );
}

interface HistogramProps {
  findings: Findings;
  likeness: LikenessJson;
  model: MapModel;
}

/** How many blocks of the student are clearly most like each of the teacher's levels. */
export function Histogram({ findings, likeness, model: { sigmas } }: HistogramProps) {
  const blocks = findings.rows.flatMap((r) => (r.part === null ? [r.name] : []));
  const { counts } = verdict(likeness, blocks, sigmas, startOf(findings));
  const most = Math.max(1, ...counts);
  return (
    <>
      <div className="map-foot names caption">student blocks most alike here</div>
      <div className="map-histogram" aria-hidden>
        {counts.map((count, i) =>
          count === 0 ? null : (
            <i
              key={sigmas[i]}
              title={`${count} ${count === 1 ? 'block' : 'blocks'} at sigma ${sigmaText(sigmas[i]!)}`}
              style={{
                insetInlineStart: `${(100 * (i + 0.2)) / sigmas.length}%`,
                inlineSize: `${60 / sigmas.length}%`,
                blockSize: `${(100 * count) / most}%`,
              }}
            />
          ),
        )}
      </div>
    </>
  );
}
