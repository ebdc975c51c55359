import { useMemo, useState } from 'react';
import { type DistilRunState, narrowing, nearestSnapshot } from '../../state/distil';
import { useApp, useDistil } from '../../state/react';
import { formatSmall, formatValue, formatWhole } from '../../ui/format';
import { Note } from '../../ui/Note';
import { Measurements } from './Measurements';
import { RunBar } from './RunBar';
import { Samples } from './Samples';

/** A run and what it has made so far. One moment is looked at; curves and images share it. */
export function RunView() {
  const run = useDistil((s) => s.run)!;
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
      <RunNotes run={run} />
      <div className="run-columns">
        <Samples run={run} index={index} pick={setPicked} />
        <section className="run-right" aria-label="Measurements">
          <Measurements run={run} moment={moment} />
        </section>
      </div>
    </div>
  );
}

/** The moment that is looked at, in images seen; null = the newest. */
export interface Moment {
  at: number | null;
  pick: (images: number | null) => void;
  hover: (images: number | null) => void;
}

/** What went wrong, what was survived, and what to do. */
function RunNotes({ run }: { run: DistilRunState }) {
  const { controller } = useApp();
  const [read, setRead] = useState<readonly string[]>([]);
  const { error, wayBack, notices, config, history, about, ended } = run;
  const alike = ended ? null : narrowing(history.points);
  const lines = Object.values(notices).filter((line) => line && !read.includes(line));
  const rates = {
    generatorRate: half(config.generatorRate),
    discriminatorRate: half(config.discriminatorRate),
  };
  if (!error && !alike && lines.length === 0) return null;
  return (
    <div className="run-error">
      {error && (
        <Note
          tone="error"
          actions={
            wayBack && (
              <button
                type="button"
                className="button"
                onClick={() => void controller.distil.resumeRun(about.id, { from: wayBack, changes: rates })}
              >
                Go on from {wayBack === 'best' ? 'its best student' : 'the last save'} with rates{' '}
                {formatSmall(rates.generatorRate)} and {formatSmall(rates.discriminatorRate)}
              </button>
            )
          }
        >
          {error}
          {history.points.length > 0 && '. What was made so far stays below.'}
        </Note>
      )}
      {alike && (
        <Note tone="warn">
          The samples are becoming alike: their spread is {formatValue(alike.now)} of real images’, it was{' '}
          {formatValue(alike.best)} after {formatWhole(alike.at)} images. The student may be collapsing:
          pause, keep the student of a moment before, and begin again with lower rates.
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

const half = (rate: number) => Number((rate / 2).toPrecision(3));
