import { GripVertical, X } from 'lucide-react';
import { type KeyboardEvent, type PointerEvent, type ReactNode, useEffect, useState } from 'react';
import { factTexts, howText, rowTitle } from '../../../lib/row-caption';
import { evaluations } from '../../../lib/sampling';
import { counted } from '../../../lib/words';
import type { RowRun } from '../../../state/compare/store';
import { useApp } from '../../../state/react';
import { Evaluations } from '../../../ui/Evaluations';
import { formatMs } from '../../../ui/format';
import { classNote } from './class-note';
import { MissingModel } from './MissingModel';
import type { ShownRow } from './use-rows';

interface Props {
  row: ShownRow;
  columns: number;
  onRemove: () => void;
  onGripKey: (event: KeyboardEvent<HTMLButtonElement>) => void;
  onGripDown: (event: PointerEvent<HTMLButtonElement>) => void;
}

/** What a row is: its name and time large, then how its images are made, then three facts that never share a line. */
export function RowHead({ row, onRemove, onGripKey, onGripDown }: Props) {
  const { figures, model, run } = row;
  const title = rowTitle(figures);
  const computing = usePatience(run !== null);
  const note = classNote(row);
  return (
    <div className="compared-head">
      <p className={`compared-name is-${figures.role}`} title={figures.name}>
        <i className="compared-swatch" aria-hidden />
        <b>{figures.name}</b>
      </p>
      <Time row={row} computing={computing} />
      <p className="compared-how" title={howText(figures)}>
        {howText(figures)}
      </p>
      <div className="compared-state">
        {!model.here ? (
          <MissingModel row={row} />
        ) : row.result.error !== null ? (
          <Failed line={row.result.error} rowKey={row.key} title={title} />
        ) : computing && run ? (
          <RunLine run={run} title={title} />
        ) : (
          <p className="compared-passes">
            <Evaluations count={evaluations(figures)} role={figures.role} />
            {note && <span className="caption">{note}</span>}
          </p>
        )}
      </div>
      <dl className="compared-facts" hidden={!model.facts}>
        {factTexts(figures).map(([term, value]) => (
          <div key={term}>
            <dt>{term}</dt>
            <dd className={value.startsWith('not ') ? 'caption' : undefined} title={value}>
              {value}
            </dd>
          </div>
        ))}
      </dl>
      <div className="compared-tools">
        <button
          type="button"
          className="icon-button"
          aria-label={`Remove row ${title}`}
          title="Remove this row"
          onClick={onRemove}
        >
          <X aria-hidden />
        </button>
        <button
          type="button"
          className="icon-button grip"
          aria-label={`Move row ${title}: drag, or arrow keys`}
          title="Move this row: drag, or arrow keys"
          onKeyDown={onGripKey}
          onPointerDown={onGripDown}
        >
          <GripVertical aria-hidden />
        </button>
      </div>
    </div>
  );
}

function Time({ row, computing }: { row: ShownRow; computing: boolean }): ReactNode {
  const { ms } = row.figures;
  if (computing)
    return <p className="compared-ms caption">{row.run?.since === null ? 'loading' : 'computing'}</p>;
  if (ms === null) return <p className="compared-ms caption">{row.model.here ? 'waiting' : ''}</p>;
  return (
    <p className="compared-ms" title="Milliseconds of one image, measured here">
      {formatMs(ms)}
      <small>ms</small>
    </p>
  );
}

function RunLine({ run, title }: { run: RowRun; title: string }) {
  const share = shareOf(run);
  return (
    <div className="compared-run">
      <div
        className="track"
        role="progressbar"
        aria-label={title}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={Math.round(share * 100)}
      >
        <i style={{ inlineSize: `${share * 100}%` }} />
      </div>
      <span className="caption">{runText(run, share)}</span>
    </div>
  );
}

/** How much of a row's images is made, evaluations of those under way included. */
function shareOf({ made, wanted, progress }: RowRun): number {
  if (!progress || progress.total === 0) return made / wanted;
  const part = progress.done / progress.total;
  return progress.unit === 'evaluations' ? (made + part * (wanted - made)) / wanted : part;
}

function runText(run: RowRun, share: number): string {
  const { made, wanted, progress, since } = run;
  if (progress && progress.unit !== 'evaluations')
    return `${progress.what} ${Math.round((100 * progress.done) / Math.max(1, progress.total))} %`;
  const seeds = `${made} of ${counted(wanted, 'seed')}`;
  if (since === null || share < 0.1) return seeds;
  const left = (((performance.now() - since) / 1000) * (1 - share)) / share;
  return `${seeds}, ${left < 1 ? 'less than 1 s' : `${Math.round(left)} s`} left`;
}

function Failed({ line, rowKey, title }: { line: string; rowKey: string; title: string }) {
  const { controller } = useApp();
  return (
    <p className="compared-failed" role="alert">
      <span title={line}>{line}</span>{' '}
      <button
        type="button"
        className="link"
        aria-label={`Try ${title} again`}
        onClick={() => controller.compare.retry(rowKey)}
      >
        Try again
      </button>
    </p>
  );
}

/** Work shorter than this is not announced: during a drag every row would flicker. */
const PATIENCE_MS = 350;

function usePatience(working: boolean): boolean {
  const [long, setLong] = useState(false);
  useEffect(() => {
    setLong(false);
    if (!working) return;
    const timer = setTimeout(() => setLong(true), PATIENCE_MS);
    return () => clearTimeout(timer);
  }, [working]);
  return working && long;
}
