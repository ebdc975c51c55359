import { useState } from 'react';
import { interruptedRun } from '../../../state/distil/run-list';
import { isOver } from '../../../state/distil/series/series';
import { isUnderWay } from '../../../state/distil/store';
import { useApp, useDistil, useSeries } from '../../../state/react';
import { formatWhole } from '../../../ui/format';
import { Note } from '../../../ui/Note';
import { ResumeButton } from '../ResumeButton';
import { GoOn } from '../series/GoOn';

/** The newest run that did not end by itself, offered where one would start another. */
export function Interrupted() {
  const { controller } = useApp();
  const { runs, run, error } = useDistil((s) => ({ runs: s.runs, run: s.run, error: s.runsError }));
  const [put, setPut] = useState<string | null>(null);
  const series = useSeries((s) => (s.series?.held != null && !isOver(s.series) ? s.series : null));
  const found = interruptedRun(runs, series);
  const offered = found && put !== found.record.about.id && !isUnderWay(run) ? found : null;
  return (
    <>
      {error && <Note tone="error">{error}</Note>}
      {series && (
        <Note
          tone="info"
          actions={
            <>
              <GoOn />
              <button
                type="button"
                className="button"
                onClick={() => void controller.distil.showSeries(series.id)}
              >
                Show it
              </button>
            </>
          }
        >
          The series {series.name} was interrupted:{' '}
          {series.runs.filter(({ state }) => state === 'finished').length} of {series.runs.length} runs are
          done.
        </Note>
      )}
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
