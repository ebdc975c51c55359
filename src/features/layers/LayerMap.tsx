import { ArrowDown, ArrowLeft, ArrowRight, ArrowUp } from 'lucide-react';
import { type CSSProperties, useId, useMemo, useState } from 'react';
import { sigmaText } from '../../state/layers/summary';
import type { LayersView } from '../../state/layers/view';
import { formatValue } from '../../ui/format';
import type { MapCell } from '../../ui/network-map/cells';
import type { Ramps } from '../../ui/ramp';
import { BlockNames } from './BlockNames';
import { MapArea } from './MapArea';
import { Columns, Histogram, SigmaAxis } from './MapMargins';
import { MapTable } from './MapTable';
import { cellOf, cellText, layoutOf, type MapModel } from './map-model';
import type { Findings, Pair } from './types';
import { type ChosenCell, useChosenCell } from './use-chosen-cell';
import './LayerMap.css';

interface Props {
  findings: Findings;
  model: MapModel;
  view: LayersView;
  pair: Pair;
  ramps: Ramps;
  /** The chosen cell is to be looked at closely. */
  onOpen: () => void;
}

/**
 * Time by layer. One focus stop: arrows move the cell, plus and minus unfold and fold its block, Enter goes to the
 * close look. A table with the same numbers stands behind it for screen readers.
 */
export function LayerMap({ findings, model, view, pair, ramps, onOpen }: Props) {
  const { rows, sigmas } = model;
  const chosen = useChosenCell(model, view);
  const [hover, setHover] = useState<MapCell | null>(null);
  const readout = useId();
  const layout = useMemo(() => layoutOf(model), [model]);
  const draw = { model, ramps, layout };
  const student = pair.student !== null;
  const isChosen = chosen.row >= 0;
  const at = hover ?? (isChosen ? chosen : null);

  const tell = ({ row, column }: MapCell): string => {
    const { row: facts, index } = rows[row]!;
    const cell = cellOf(findings, view, index, column);
    return `${facts.name} at sigma ${sigmaText(sigmas[column]!)}: ${cellText(cell, formatValue)}`;
  };

  return (
    <div className={student ? 'map' : 'map alone'} style={{ '--row': `${layout.pitch}px` } as CSSProperties}>
      <MapHead findings={findings} pair={pair} />
      <BlockNames model={model} layout={layout} chosen={chosen} open={view.open} />
      <MapArea
        {...draw}
        view={view}
        chosen={chosen}
        student={student}
        readout={readout}
        onHover={setHover}
        onOpen={onOpen}
      />
      {student && <Columns {...draw} />}
      <SigmaAxis sigmas={sigmas} chosen={chosen.column} />
      {student && findings.likeness && (
        <Histogram findings={findings} likeness={findings.likeness} model={model} />
      )}
      <p className="map-readout" id={readout}>
        {at && rows[at.row] ? tell(at) : 'Point at a cell or select one'}
      </p>
      <Steps chosen={chosen} />
      <p className="hidden-text" aria-live="polite">
        {isChosen ? tell(chosen) : ''}
      </p>
      <MapTable findings={findings} model={model} view={view} student={student} />
    </div>
  );
}

const STEPS = [
  { name: 'Block above', Icon: ArrowUp, row: -1, column: 0 },
  { name: 'Block below', Icon: ArrowDown, row: 1, column: 0 },
  { name: 'Higher sigma', Icon: ArrowLeft, row: 0, column: -1 },
  { name: 'Lower sigma', Icon: ArrowRight, row: 0, column: 1 },
];

/** For fingers: a cell is too small a target. */
function Steps({ chosen }: { chosen: ChosenCell }) {
  return (
    <div className="map-steps">
      {STEPS.map(({ name, Icon, row, column }) => (
        <button
          key={name}
          type="button"
          className="icon-button"
          aria-label={name}
          onClick={() =>
            chosen.choose({ row: Math.max(0, chosen.row) + row, column: chosen.column + column })
          }
        >
          <Icon aria-hidden />
        </button>
      ))}
    </div>
  );
}

function MapHead({ findings, pair }: { findings: Findings; pair: Pair }) {
  const teacher = pair.map.role === 'teacher' || pair.student !== null;
  return (
    <>
      <div className="map-head names">
        <span>Block</span>
        <span className="caption">channels</span>
      </div>
      <div className="map-head main">
        <span>
          <span className={teacher ? 'is-teacher' : undefined}>{teacher ? 'Teacher' : pair.map.name}</span>{' '}
          <span className="caption">at {findings.sigmas.length} sigmas, noise to image</span>
        </span>
        {pair.student && findings.likeness && (
          <span className="caption">
            <i className="dot-key" /> the student’s block is most like this
          </span>
        )}
      </div>
      {pair.student && (
        <>
          <div className="map-head narrow">
            <span className="is-student">Student</span> at {sigmaText(pair.student.sigma)}
          </div>
          <div className="map-head narrow">Ratio at {sigmaText(pair.student.sigma)}</div>
          <div className="map-head weights">Weight change</div>
        </>
      )}
    </>
  );
}
