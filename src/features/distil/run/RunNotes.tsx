import { useState } from 'react';
import { isAdversarial } from '../../../distil/config';
import type { WayBack } from '../../../protocol/distil';
import { type DistilRunState, narrowing } from '../../../state/distil/store';
import { useApp, useDistil } from '../../../state/react';
import { formatPercent, formatSmall, formatWhole } from '../../../ui/format';
import { Note } from '../../../ui/Note';

interface Props {
  run: DistilRunState;
  /** Shows a moment, in images seen. */
  pick: (images: number) => void;
}

/** What went wrong, what was survived, and what to do. */
export function RunNotes({ run, pick }: Props) {
  const [read, setRead] = useState<readonly string[]>([]);
  const keepsRuns = useDistil((s) => s.runs !== null);
  const { error, notices, history, ended } = run;
  const { storage, ...others } = notices;
  const alike = ended ? null : narrowing(history.points);
  const canAugment = isAdversarial(run.config.method) && !run.config.diffAugment;
  const lines = Object.values(others).filter((line) => line && !read.includes(line));
  if (!error && !alike && !storage && lines.length === 0) return null;
  return (
    <div className="run-error">
      {error && (
        <Note tone="error" actions={run.wayBack && <GoBack run={run} from={run.wayBack} />}>
          {error}
          {history.points.length > 0 && '. What was made so far stays below.'}
        </Note>
      )}
      {storage && (
        <Note tone="warn" actions={keepsRuns && <MakeRoom ended={ended} />}>
          {storage}
        </Note>
      )}
      {alike && (
        <Note
          tone="warn"
          actions={
            <button type="button" className="button" onClick={() => pick(alike.at)}>
              Look at {formatWhole(alike.at)} images
            </button>
          }
        >
          The samples are becoming alike: they differ {formatPercent(alike.now)} as much as real images do,
          after {formatWhole(alike.at)} images it was {formatPercent(alike.best)}. The student may be
          collapsing: keep the student of that moment, stop, and begin again with lower rates
          {canAugment ? ' or, where images are few, with DiffAugment' : ''}.
        </Note>
      )}
      {lines.map((line) => (
        <Note key={line} tone="warn" onDismiss={() => setRead([...read, line!])}>
          {line}
        </Note>
      ))}
    </div>
  );
}

const PLACES: Record<WayBack, string> = {
  last: 'the last save',
  earlier: 'the save before',
  best: 'its best student',
};

function GoBack({ run, from }: { run: DistilRunState; from: WayBack }) {
  const { controller } = useApp();
  const { config, about } = run;
  const rates = {
    generatorRate: half(config.generatorRate),
    discriminatorRate: half(config.discriminatorRate),
  };
  return (
    <button
      type="button"
      className="button"
      onClick={() => void controller.distil.resumeRun(about.id, { from, changes: rates })}
    >
      Go on from {PLACES[from]} at half the{' '}
      {!isAdversarial(config.method) ? `rate, ${formatSmall(rates.generatorRate)}` : 'rates'}
      {isAdversarial(config.method) &&
        `, ${formatSmall(rates.generatorRate)} and ${formatSmall(rates.discriminatorRate)}`}
    </button>
  );
}

/** What is said where the disk is full. */
function MakeRoom({ ended }: { ended: boolean }) {
  const { controller } = useApp();
  return (
    <>
      {ended && (
        <button type="button" className="button" onClick={() => void controller.distil.keepRun()}>
          Try to save it again
        </button>
      )}
      <button type="button" className="button" onClick={() => controller.distil.show('runs')}>
        All runs
      </button>
    </>
  );
}

const half = (rate: number) => Number((rate / 2).toPrecision(3));
