import { Copy, Download, X } from 'lucide-react';
import { useRef } from 'react';
import { hereText, paperText, rowTitle } from '../../../lib/row-caption';
import { evaluations, MAX_STEPS, MIN_STEPS, SIGMA } from '../../../lib/sampling';
import { counted } from '../../../lib/words';
import { type RowImage, shows } from '../../../state/compare/store';
import type { Cell } from '../../../state/compare/view';
import { useApp, usePrefs } from '../../../state/react';
import { copyText } from '../../../ui/copy-text';
import { formatMs, formatNumber, formatWhole } from '../../../ui/format';
import { NumberField } from '../../../ui/NumberField';
import { PictureCanvas } from '../../../ui/PictureCanvas';
import { Segmented } from '../../../ui/Segmented';
import { useSpace } from '../../../ui/use-space';
import { SAMPLER_OPTIONS } from '../sampler-options';
import { savePng } from '../save-png';
import { useRowSource } from './RowsTable';
import type { ShownRow } from './use-rows';

interface Props {
  row: ShownRow;
  at: Cell;
  /** Absent where something else closes it. */
  onClose?: () => void;
}

/** One image of a row, large, and the settings of its row. */
export function CompareInspector({ row, at, onClose }: Props) {
  const want = row.wanted[at.column];
  const image = row.result.images[at.column] ?? null;
  const current = want && shows(image, want) ? image : null;
  return (
    <>
      <Title row={row} seed={want?.seed ?? 0} image={current} onClose={onClose} />
      <Hero
        row={row}
        column={at.column}
        resolution={image?.resolution ?? row.model.facts?.resolution ?? 64}
      />
      <Facts row={row} image={current} />
      <hr className="rule-line" />
      <RowSettings row={row} at={at} />
    </>
  );
}

interface TitleProps {
  row: ShownRow;
  seed: number;
  image: RowImage | null;
  onClose: (() => void) | undefined;
}

function Title({ row, seed, image, onClose }: TitleProps) {
  const { announce } = useApp();
  const { figures } = row;
  return (
    <div className="inspector-title compare-title">
      <div>
        <h2>Seed {formatNumber(seed)}</h2>
        <p className="caption" title={figures.name}>
          <i className={`compared-swatch is-${figures.role}`} aria-hidden />
          {figures.name}, {counted(evaluations(figures), 'pass', 'passes')}
        </p>
      </div>
      <button
        type="button"
        className="icon-button"
        aria-label="Copy seed"
        title="Copy seed"
        onClick={async () =>
          announce(
            (await copyText(formatNumber(seed)))
              ? `Seed ${formatNumber(seed)} was copied`
              : 'The browser did not allow copying',
          )
        }
      >
        <Copy aria-hidden />
      </button>
      <button
        type="button"
        className="icon-button"
        aria-label="Save PNG"
        title="Save PNG"
        disabled={!image}
        onClick={() => image && void savePng(image)}
      >
        <Download aria-hidden />
      </button>
      {onClose && (
        <button
          type="button"
          className="icon-button"
          aria-label="Close, and show more seeds"
          title="Close, and show more seeds"
          onClick={onClose}
        >
          <X aria-hidden />
        </button>
      )}
    </div>
  );
}

function Hero({ row, column, resolution }: { row: ShownRow; column: number; resolution: number }) {
  const smooth = usePrefs((p) => p.smooth);
  const source = useRowSource(row.key);
  const room = useRef<HTMLDivElement>(null);
  const space = useSpace(room);
  const multiple = Math.max(1, Math.floor(((space?.width ?? 256) * devicePixelRatio) / resolution));
  return (
    <div ref={room} className={smooth ? 'hero smooth' : 'hero'}>
      {/* Named among the rows; here it would be the same image twice. */}
      <PictureCanvas
        source={source}
        index={column}
        size={(resolution * multiple) / devicePixelRatio}
        decorative
      />
    </div>
  );
}

function Facts({ row: { figures, model }, image }: { row: ShownRow; image: RowImage | null }) {
  const { here, paper, ms } = figures;
  const facts: [term: string, value: string, detail: string | null][] = [
    ...(image && image.recipe.classIndex !== null
      ? ([['Class', classText(image.recipe), null]] as [string, string, null][])
      : []),
    ['Time', ms === null ? 'not measured' : `${formatMs(ms)} ms an image`, null],
    ['Paper', paperText(figures), paper?.source ?? null],
    ['Here', hereText(figures), here && `${here.features}, n = ${formatWhole(here.n)}`],
  ];
  if (model.facts) facts.push(['Size', `${model.facts.resolution} × ${model.facts.resolution}`, null]);
  return (
    <dl className="facts">
      {facts.map(([term, value, detail]) => (
        <div key={term} className="fact">
          <dt>{term}</dt>
          <dd>
            {value}
            {detail && <span className="caption fact-detail">{detail}</span>}
          </dd>
        </div>
      ))}
    </dl>
  );
}

function classText({ classIndex, className }: RowImage['recipe']): string {
  return className === null || className === String(classIndex)
    ? String(classIndex)
    : `${classIndex}, ${className}`;
}

/** What can be changed of one row. */
function RowSettings({ row, at }: { row: ShownRow; at: Cell }) {
  const { controller } = useApp();
  const { figures, model } = row;
  const change = (settings: Parameters<typeof controller.compare.change>[1]) =>
    controller.compare.change(at.row, settings);
  const own = model.facts?.sigma;
  return (
    <div className="compared-settings">
      <h3>This row</h3>
      <div className="field">
        <span>Steps</span>
        <Segmented
          label="Steps of this row"
          value={row.row.sampler}
          options={SAMPLER_OPTIONS}
          onChange={(sampler) => change({ sampler, steps: sampler === 'heun' ? row.row.steps : null })}
        />
      </div>
      {figures.sampler === 'heun' && (
        <div className="field">
          <span>
            Heun steps <span className="caption">{evaluations(figures)} NFE</span>
          </span>
          <NumberField
            label="Heun steps of this row"
            value={figures.steps}
            min={MIN_STEPS}
            max={MAX_STEPS}
            step={1}
            whole
            onCommit={(steps) => change({ steps })}
          />
        </div>
      )}
      <div className="field">
        <span>
          Start sigma{' '}
          {own !== undefined && own !== figures.sigma && (
            <button type="button" className="link caption" onClick={() => change({ sigma: null })}>
              back to {formatNumber(own)}
            </button>
          )}
        </span>
        <NumberField
          label="Start sigma of this row"
          value={figures.sigma}
          min={SIGMA.min}
          max={SIGMA.max}
          onCommit={(sigma) => change({ sigma: sigma === own ? null : sigma })}
        />
      </div>
      <button
        type="button"
        className="button"
        disabled={!model.here}
        aria-label={`Show ${rowTitle(figures)} alone`}
        onClick={() => controller.compare.alone(at)}
      >
        Show alone
      </button>
    </div>
  );
}
