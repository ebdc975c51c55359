import { useMemo } from 'react';
import type { DistilPlan } from '../../../protocol/distil';
import { formatCount } from '../../../ui/format';
import { type FreezeColumn, freezeMap, freezeSentences } from './freeze-map';

const CELL = 14;

/** What trains and what stays as the teacher has it, block by block. */
export function FreezeMap({ plan }: { plan: DistilPlan }) {
  const { columns, rows } = useMemo(() => freezeMap(plan.layers), [plan]);
  const share = Math.round((100 * plan.trainedParameters) / plan.parameters);
  return (
    <figure className="freeze">
      <header className="part">
        <h3>What trains</h3>
        <p className="caption">
          {formatCount(plan.trainedParameters)} of {formatCount(plan.parameters)} parameters, {share} %
        </p>
        <span className="key trains">trains</span>
        <span className="key frozen">frozen</span>
      </header>
      <div className="freeze-map" aria-hidden>
        <ol>
          {rows.map((row) => (
            <li key={row}>{row}</li>
          ))}
        </ol>
        <svg
          viewBox={`0 0 ${columns.length * CELL} ${rows.length * CELL}`}
          preserveAspectRatio="none"
          style={{ blockSize: rows.length * CELL, maxInlineSize: columns.length * 26 }}
          aria-hidden="true"
        >
          {columns.flatMap((column, x) =>
            rows.flatMap((row, y) => {
              const layer = column.cells.get(row);
              return layer
                ? [
                    <rect
                      key={`${column.block} ${row}`}
                      className={layer.trains ? 'trains' : 'frozen'}
                      x={x * CELL + 1}
                      y={y * CELL + 2}
                      width={CELL - 2}
                      height={CELL - 4}
                    >
                      <title>
                        {layer.name}: {layer.trains ? 'trains' : 'frozen'}, {formatCount(layer.parameters)}
                      </title>
                    </rect>,
                  ]
                : [];
            }),
          )}
        </svg>
        <div className="freeze-x" style={{ maxInlineSize: columns.length * 26 }}>
          {spans(columns).map((span) => (
            <span key={`${span.part} ${span.from}`} style={{ flexGrow: span.length }}>
              {span.label}
            </span>
          ))}
        </div>
      </div>
      <ul className="hidden-text">
        {freezeSentences(columns, rows).map((line) => (
          <li key={line}>{line}</li>
        ))}
      </ul>
    </figure>
  );
}

/** Neighbouring columns of one part of the network, and what stands under them. */
function spans(columns: readonly FreezeColumn[]) {
  const out: { part: string; from: number; length: number; label: string }[] = [];
  columns.forEach((column, i) => {
    const last = out.at(-1);
    if (last?.part === column.part) last.length++;
    else
      out.push({
        part: column.part,
        from: i,
        length: 1,
        label: column.part === 'other' ? '' : column.part,
      });
  });
  return out;
}
