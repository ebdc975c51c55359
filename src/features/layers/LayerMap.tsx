import { ArrowDown, ArrowLeft, ArrowRight, ArrowUp, ChevronDown, ChevronRight } from 'lucide-react';
import { type KeyboardEvent, type PointerEvent, useCallback, useId, useMemo, useRef, useState } from 'react';
import { nearestLevel, sigmaText } from '../../state/layers/summary';
import type { LayersView } from '../../state/layers/view';
import { formatValue } from '../../ui/format';
import { type Ramps, rampColour } from '../../ui/ramp';
import { Columns, type DrawProps, Histogram, ROW, SigmaAxis } from './MapMargins';
import { MapTable } from './MapTable';
import { cellOf, cellText, type MapModel } from './map-model';
import type { Findings, Pair } from './types';
import { useLayersController } from './use-layers';
import { QUANTITY_WORDS, shortName, sideOf } from './words';
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

/** Height of the gap before the decoder. */
const GAP = 8;

/**
 * Time by layer. One focus stop: arrows move the cell, plus and minus unfold and fold its block, Enter goes to the
 * close look. A table with the same numbers stands behind it for screen readers.
 */
export function LayerMap({ findings, model, view, pair, ramps, onOpen }: Props) {
  const layers = useLayersController();
  const { rows, sigmas, split } = model;
  const area = useRef<HTMLDivElement>(null);
  const [hover, setHover] = useState<{ row: number; level: number } | null>(null);
  const readout = useId();
  const chosenLevel = nearestLevel(sigmas, view.at);
  const chosenRow = rows.findIndex((r) => r.row.name === view.row);
  const height = rows.length * ROW + (split > 0 ? GAP : 0);
  const top = useCallback((row: number) => row * ROW + (split > 0 && row >= split ? GAP : 0), [split]);
  const student = pair.student !== null;

  const choose = (row: number, level: number) => {
    const name = rows[row]?.row.name;
    if (name) layers.set({ row: name, at: sigmas[level]! });
  };
  const fold = (block: string, open: boolean) =>
    layers.set({ open: open ? [...view.open, block] : view.open.filter((b) => b !== block) });

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const row = Math.max(0, chosenRow);
    const moves: Record<string, [number, number]> = {
      ArrowUp: [row - 1, chosenLevel],
      ArrowDown: [chosenRow < 0 ? 0 : row + 1, chosenLevel],
      ArrowLeft: [row, chosenLevel - 1],
      ArrowRight: [row, chosenLevel + 1],
      PageUp: [row - 5, chosenLevel],
      PageDown: [row + 5, chosenLevel],
      Home: [row, 0],
      End: [row, sigmas.length - 1],
    };
    const to = moves[event.key];
    const block = rows[row]?.row.block;
    if (to) choose(clamp(to[0], rows.length), clamp(to[1], sigmas.length));
    else if (event.key === 'Enter' && chosenRow >= 0) onOpen();
    else if ((event.key === '+' || event.key === '=') && block && !view.open.includes(block))
      fold(block, true);
    else if (event.key === '-' && block && view.open.includes(block)) fold(block, false);
    else return;
    event.preventDefault();
  };
  const pointed = (event: PointerEvent): { row: number; level: number } | null => {
    const box = area.current!.getBoundingClientRect();
    const y = event.clientY - box.top;
    const row = rows.findIndex((_, i) => y >= top(i) && y < top(i) + ROW);
    const level = Math.floor(((event.clientX - box.left) / box.width) * sigmas.length);
    return row < 0 || level < 0 || level >= sigmas.length ? null : { row, level };
  };
  const at = hover ?? (chosenRow >= 0 ? { row: chosenRow, level: chosenLevel } : null);
  const told = at && rows[at.row] ? tell(at.row, at.level) : 'Point at a cell or select one';

  function tell(row: number, level: number): string {
    const { row: facts, index } = rows[row]!;
    const cell = cellOf(findings, view, index, level);
    return `${facts.name} at sigma ${sigmaText(sigmas[level]!)}: ${cellText(cell, formatValue)}`;
  }

  return (
    <div className={student ? 'map' : 'map alone'}>
      <MapHead findings={findings} pair={pair} />
      <ol className="map-names" aria-label="Blocks">
        {rows.map(({ row }, i) => (
          <li
            key={row.name}
            className={i === chosenRow ? 'chosen' : row.part === null ? undefined : 'inner'}
            style={i === split && split > 0 ? { marginBlockStart: GAP } : undefined}
          >
            {row.part === null ? (
              <>
                <Fold
                  block={row.block}
                  open={view.open.includes(row.block)}
                  can={hasParts(row.block)}
                  onFold={fold}
                />
                <span className="side">{sideOf(row.block)}</span>
                <span className="name">{shortName(row.block)}</span>
              </>
            ) : (
              <span className="name">{row.part}</span>
            )}
            <span className="channels-count">{row.channels}</span>
          </li>
        ))}
      </ol>
      {/* biome-ignore lint/a11y/useSemanticElements: a group with keys of its own; the table behind it has the cells */}
      <div
        ref={area}
        className="map-area"
        role="group"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: arrow keys move the cell
        tabIndex={0}
        aria-label={`${QUANTITY_WORDS[view.quantity].name} by block and sigma. Arrow keys move, plus unfolds, Enter looks closely`}
        aria-describedby={readout}
        style={{ blockSize: height }}
        onKeyDown={onKeyDown}
        onPointerMove={(event) => event.pointerType === 'mouse' && setHover(pointed(event))}
        onPointerLeave={() => setHover(null)}
        onClick={(event) => {
          const cell = pointed(event as unknown as PointerEvent);
          if (cell) choose(cell.row, cell.level);
        }}
      >
        <Cells model={model} ramps={ramps} height={height} top={top} />
        {student && <Dots model={model} top={top} />}
        {chosenRow >= 0 && (
          <i
            className="map-chosen"
            style={{
              insetInlineStart: `${(100 * chosenLevel) / sigmas.length}%`,
              inlineSize: `${100 / sigmas.length}%`,
              insetBlockStart: top(chosenRow),
            }}
          />
        )}
      </div>
      {student && <Columns model={model} ramps={ramps} height={height} top={top} />}
      <SigmaAxis sigmas={sigmas} chosen={chosenLevel} />
      {student && findings.likeness && <Histogram findings={findings} model={model} />}
      <p className="map-readout" id={readout}>
        {told}
      </p>
      <div className="map-steps">
        {STEPS.map(({ name, Icon, row, level }) => (
          <button
            key={name}
            type="button"
            className="icon-button"
            aria-label={name}
            onClick={() =>
              choose(
                clamp(Math.max(0, chosenRow) + row, rows.length),
                clamp(chosenLevel + level, sigmas.length),
              )
            }
          >
            <Icon aria-hidden />
          </button>
        ))}
      </div>
      <p className="hidden-text" aria-live="polite">
        {chosenRow >= 0 ? tell(chosenRow, chosenLevel) : ''}
      </p>
      <MapTable findings={findings} model={model} view={view} student={student} />
    </div>
  );
}

/** For fingers: a cell is too small a target. */
const STEPS = [
  { name: 'Block above', Icon: ArrowUp, row: -1, level: 0 },
  { name: 'Block below', Icon: ArrowDown, row: 1, level: 0 },
  { name: 'Higher sigma', Icon: ArrowLeft, row: 0, level: -1 },
  { name: 'Lower sigma', Icon: ArrowRight, row: 0, level: 1 },
];

const clamp = (value: number, count: number) => Math.min(count - 1, Math.max(0, value));

/** Convolutions and norms outside the residual blocks are of one piece. */
const hasParts = (block: string) => !/_conv$|_aux_/.test(block);

interface FoldProps {
  block: string;
  open: boolean;
  can: boolean;
  onFold: (block: string, open: boolean) => void;
}

/** Not a tab stop of its own: the map's plus and minus keys do the same, and there are dozens. */
function Fold({ block, open, can, onFold }: FoldProps) {
  if (!can) return <span className="fold" />;
  const Icon = open ? ChevronDown : ChevronRight;
  return (
    <button
      type="button"
      className="fold"
      tabIndex={-1}
      aria-expanded={open}
      aria-label={`Parts of ${block}`}
      onClick={() => onFold(block, !open)}
    >
      <Icon aria-hidden />
    </button>
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

function Cells({ model, ramps, height, top }: DrawProps) {
  const { rows, sigmas } = model;
  const cells = useMemo(
    () =>
      rows.flatMap(({ row, shades }, y) =>
        shades.map((shade, x) =>
          shade === null ? null : (
            <rect
              // biome-ignore lint/suspicious/noArrayIndexKey: a level is its place
              key={`${row.name} ${x}`}
              x={x}
              y={top(y)}
              width={1}
              height={ROW}
              fill={rampColour(ramps.sequential, shade)}
            />
          ),
        ),
      ),
    [rows, ramps, top],
  );
  return (
    <svg
      viewBox={`0 0 ${sigmas.length} ${height}`}
      preserveAspectRatio="none"
      shapeRendering="crispEdges"
      aria-hidden="true"
    >
      {cells}
    </svg>
  );
}

/** Filled where one level stands out, hollow where many are about as alike. */
function Dots({ model: { rows, sigmas }, top }: Pick<DrawProps, 'model' | 'top'>) {
  return rows.map(({ row, likest }, y) =>
    likest ? (
      <i
        key={row.name}
        className={likest.clear ? 'map-dot' : 'map-dot unclear'}
        style={{
          insetInlineStart: `${(100 * (likest.level + 0.5)) / sigmas.length}%`,
          insetBlockStart: top(y) + ROW / 2,
        }}
      />
    ) : null,
  );
}
