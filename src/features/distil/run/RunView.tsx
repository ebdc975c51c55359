import { Suspense, useMemo, useState } from 'react';
import { type DistilRunState, nearestSnapshot } from '../../../state/distil/store';
import { useDistil } from '../../../state/react';
import { part } from '../../../ui/part';
import { Measurements } from './Measurements';
import { RunBar } from './RunBar';
import { RunNotes } from './RunNotes';
import { Samples } from './Samples';

/** Loaded with the first run that is over. */
const MomentDistances = part(() => import('../moments/MomentDistances'));

/** A run and what it has made so far. */
export default function RunView() {
  const run = useDistil((s) => s.run);
  return run && <ShownRun run={run} />;
}

/** One moment is looked at; curves and images share it. */
function ShownRun({ run }: { run: DistilRunState }) {
  const [picked, setPicked] = useState<number | null>(null);
  const [hovered, setHovered] = useState<number | null>(null);
  // Another run starts at its own end.
  const [id, setId] = useState(run.about.id);
  if (id !== run.about.id) {
    setId(run.about.id);
    setPicked(null);
    setHovered(null);
  }
  const at = hovered ?? picked;
  const { snapshots } = run.history;
  const index = at === null ? snapshots.length - 1 : nearestSnapshot(snapshots, at);
  const moment = useMemo(() => ({ at, pick: setPicked, hover: setHovered }), [at]);
  return (
    <div className="distil-run">
      <RunBar run={run} picked={picked} />
      <RunNotes run={run} pick={setPicked} />
      <div className="run-columns">
        <Samples run={run} index={index} pick={setPicked} />
        <section className="run-right" aria-label="Measurements">
          {run.ended && run.saved && run.history.points.length > 0 && (
            <Suspense fallback={null}>
              <MomentDistances run={run} moment={moment} />
            </Suspense>
          )}
          <Measurements run={run} moment={moment} />
        </section>
      </div>
    </div>
  );
}
