import { Download, SquareTerminal } from 'lucide-react';
import type { CSSProperties } from 'react';
import { counted } from '../../../lib/words';
import { type Headline, headline } from '../../../state/compare/headline';
import { useApp, useEngine, useView } from '../../../state/react';
import { workLine } from '../../../state/work-line';
import { copyText } from '../../../ui/copy-text';
import { formatMs } from '../../../ui/format';
import { WorkLine } from '../../../ui/WorkLine';
import { commandFor } from './command';
import { saveSheet } from './save-sheet';
import { type ShownRow, useCompare } from './use-rows';

/** Above the rows: what one pass or two take beside many, and what is to be done with all of it. */
export function CompareToolbar({ rows }: { rows: readonly ShownRow[] }) {
  const { controller } = useApp();
  const line = workLine(useEngine(({ work, progress, made, error }) => ({ work, progress, made, error })));
  const pair = headline(rows);
  return (
    <div className="toolbar">
      <WorkLine
        line={line}
        onCancel={controller.cancel}
        onDismiss={controller.dismissError}
        onChoose={controller.chooseForFile}
      >
        {pair && <Versus pair={pair} />}
        <Tools rows={rows} />
      </WorkLine>
    </div>
  );
}

function Versus({ pair: { fast, slow } }: { pair: Headline }) {
  const sides = [
    { ...fast, className: 'is-student', share: fast.ms / slow.ms },
    { ...slow, className: 'is-teacher', share: 1 },
  ];
  return (
    <dl className="versus" aria-label="Time of one image">
      {sides.map(({ name, ms, passes, className, share }) => (
        <div key={className} className={className}>
          <dt title={name}>
            {passes === 1 ? 'one pass' : counted(passes, 'pass', 'passes')}, {name}
          </dt>
          <dd className="reading">
            {formatMs(ms)}
            <small>ms</small>
          </dd>
          <dd
            className="versus-bar"
            style={{ '--share': `${(share * 100).toFixed(3)}%` } as CSSProperties}
            aria-hidden
          />
        </div>
      ))}
    </dl>
  );
}

function Tools({ rows }: { rows: readonly ShownRow[] }) {
  const { stores, announce } = useApp();
  const columns = useCompare((s) => s.columns);
  const seed = useView((v) => v.seed);
  const classIndex = useView((v) => v.classIndex);
  const mix = useView((v) => v.mix);
  const temperature = useView((v) => v.temperature);
  const own = useView((v) => v.own.some(({ place }) => place < columns));
  const made = rows.some((row) => row.result.images.some((image) => image));
  const copyCommand = async () => {
    const command = commandFor(rows, { seed, columns, classIndex, mix, temperature });
    const copied = await copyText(command);
    announce(
      copied
        ? `The command was copied: it makes the same sheet${own ? ', without what single images have of their own' : ''}`
        : `The browser did not allow copying: ${command}`,
    );
  };
  return (
    <span className="toolbar-end compare-tools">
      <button
        type="button"
        className="icon-button"
        aria-label="Copy the command that makes this"
        title="Copy the command that makes this: innate compare"
        disabled={rows.length === 0}
        onClick={() => void copyCommand()}
      >
        <SquareTerminal aria-hidden />
      </button>
      <button
        type="button"
        className="button"
        disabled={!made}
        title="One picture of all rows, with captions"
        onClick={() => void saveSheet(rows, stores.engine.getState().status, columns)}
      >
        <Download aria-hidden />
        Save sheet
      </button>
    </span>
  );
}
