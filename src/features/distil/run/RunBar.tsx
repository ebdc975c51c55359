import { useEffect, useState } from 'react';
import { sentence } from '../../../lib/words';
import { methodText } from '../../../state/distil/fields';
import { type DistilRunState, imagesSeen, isUnderWay, secondsLeft } from '../../../state/distil/store';
import { useApp, useDistil } from '../../../state/react';
import { formatDuration, formatValue, formatWhole } from '../../../ui/format';
import { RunControls } from './RunControls';
import { RunResults } from './RunResults';

export function RunBar({ run, picked }: { run: DistilRunState; picked: number | null }) {
  const { controller } = useApp();
  const { config, about, plan } = run;
  const several = useDistil((s) => (s.runs?.length ?? 0) > 1);
  const parts = plan?.microBatch ? ` in parts of ${plan.microBatch}` : '';
  return (
    <div className="run-bar">
      <div className="run-name">
        <h2>{about.name}</h2>
        <p className="caption">
          {methodText(config)} on {about.dataName}; batch {config.batch}
          {parts}, seed {config.seed}
          {plan?.executor && `. ${sentence(plan.executor)}`}
          {about.series && (
            <>
              {'. '}
              <button
                type="button"
                className="link"
                onClick={() => void controller.distil.showSeries(about.series!.id)}
              >
                The series, run {about.series.index + 1} of {about.series.of}
              </button>
            </>
          )}
          {several && (
            <>
              {'. '}
              <button type="button" className="link" onClick={() => controller.distil.show('runs')}>
                All runs
              </button>
            </>
          )}
        </p>
      </div>
      <RunProgress run={run} />
      <div className="distil-dock">
        {isUnderWay(run) ? <RunControls run={run} /> : <RunResults run={run} picked={picked} />}
      </div>
    </div>
  );
}

function RunProgress({ run }: { run: DistilRunState }) {
  const total = run.config.images;
  const seen = imagesSeen(run);
  const left = run.ended ? null : secondsLeft(run);
  const { preparing } = run;
  const share = preparing && preparing.total > 0 ? preparing.done / preparing.total : seen / total;
  const percent = Math.min(100, Math.round(share * 1000) / 10);
  return (
    <div className="run-progress">
      <p className="reading">
        {formatWhole(seen)}
        <small>of {formatWhole(total)} images</small>
      </p>
      <p className="run-facts">
        <strong aria-live="polite">{phaseText(run)}</strong>
        {preparing && <Elapsed />}
        {run.pace !== null && <span>{formatValue(run.pace)} images/s</span>}
        {left !== null && run.phase === 'running' && <span>{formatDuration(left)} left</span>}
        {!run.ended && run.saved && <Saved saved={run.saved} />}
      </p>
      <div
        className="track"
        role="progressbar"
        aria-label={preparing ? preparing.what : 'Distilling'}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={percent}
      >
        <i style={{ inlineSize: `${percent}%` }} />
      </div>
    </div>
  );
}

/** Seconds since something is being prepared: the first step of a large batch takes its time. */
function Elapsed() {
  const [since] = useState(() => performance.now());
  const [now, setNow] = useState(since);
  useEffect(() => {
    const timer = setInterval(() => setNow(performance.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  const seconds = Math.floor((now - since) / 1000);
  return seconds > 2 && <span>{formatDuration(seconds)}</span>;
}

/** How long ago the run was saved, as time passes. */
function Saved({ saved }: { saved: NonNullable<DistilRunState['saved']> }) {
  const [now, setNow] = useState(() => performance.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(performance.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  if (saved.at === 0) return null; // of an earlier visit
  const seconds = Math.max(0, Math.round((now - saved.at) / 1000));
  return (
    <span title={`Saved at ${formatWhole(saved.images)} images`}>
      {seconds < 60 ? `Saved ${seconds} s ago` : `Saved ${Math.round(seconds / 60)} min ago`}
    </span>
  );
}

function phaseText(run: DistilRunState): string {
  if (run.interrupted) return 'Interrupted';
  if (run.ended) return { finished: 'Finished', stopped: 'Stopped' }[run.phase as string] ?? 'Failed';
  const { preparing, asked } = run;
  if (asked === 'stop' || run.phase === 'stopped') return 'Stopping after this step';
  if (asked === 'pause') return 'Pausing after this step';
  if (preparing) return preparingText(preparing);
  if (asked?.startsWith('step')) return 'One step';
  if (run.phase === 'paused') return 'Paused';
  if (run.phase === 'preparing') return 'Preparing';
  return run.history.points.length > 0 ? 'Running' : 'First step';
}

function preparingText({ what, done, total }: NonNullable<DistilRunState['preparing']>): string {
  const text = sentence(what);
  return total > 0 ? `${text}, ${Math.round((100 * done) / total)} %` : text;
}
