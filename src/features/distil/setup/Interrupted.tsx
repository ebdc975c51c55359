import { useState } from 'react';
import { isUnderWay } from '../../../state/distil/store';
import { useApp, useDistil } from '../../../state/react';
import { formatWhole } from '../../../ui/format';
import { Note } from '../../../ui/Note';
import { ResumeButton } from '../ResumeButton';

/** The newest run that did not end by itself, offered where one would start another. */
export function Interrupted() {
  const { controller } = useApp();
  const { runs, run, error } = useDistil((s) => ({ runs: s.runs, run: s.run, error: s.runsError }));
  const [put, setPut] = useState<string | null>(null);
  const found = runs?.find(({ record, busy }) => record.end === 'open' && !busy);
  const offered = found && put !== found.record.about.id && !isUnderWay(run) ? found : null;
  return (
    <>
      {error && <Note tone="error">{error}</Note>}
      {offered && (
        <Note
          tone="info"
          onDismiss={() => setPut(offered.record.about.id)}
          actions={
            <>
              <ResumeButton run={offered} />
              <button
                type="button"
                className="button"
                onClick={() => void controller.distil.openRun(offered.record.about.id)}
              >
                Show it
              </button>
            </>
          }
        >
          {offered.record.about.name} was interrupted: it is saved at {formatWhole(offered.record.images)} of{' '}
          {formatWhole(offered.record.config.images)} images and goes on from there.
        </Note>
      )}
    </>
  );
}
