import { Download, Pause, Play, Square, StepForward } from 'lucide-react';
import { useState } from 'react';
import { asInnateError } from '../../lib/errors';
import { curvesCsv, type DistilRunState, fileStem, imagesSeen, secondsLeft } from '../../state/distil';
import { METHOD_NAMES } from '../../state/distil-setup';
import { useApp } from '../../state/react';
import { formatDuration, formatValue, formatWhole } from '../../ui/format';
import { Note } from '../../ui/Note';
import { saveBlob } from '../../ui/save-blob';

export function RunBar({ run }: { run: DistilRunState }) {
  const [saveError, setSaveError] = useState<string | null>(null);
  const { config } = run.request;
  return (
    <div className="run-bar">
      <div className="run-name">
        <h2>
          {run.name}, run {run.number}
        </h2>
        <p className="caption">
          {METHOD_NAMES[config.method]} on {run.dataName}; batch {config.batch}, seed {config.seed}
        </p>
      </div>
      <RunProgress run={run} />
      <div className="distil-dock">
        {run.ended ? <Results run={run} onError={setSaveError} /> : <Controls run={run} />}
      </div>
      {saveError && (
        <div className="save-error">
          <Note tone="error" onDismiss={() => setSaveError(null)}>
            {saveError}
          </Note>
        </div>
      )}
    </div>
  );
}

function RunProgress({ run }: { run: DistilRunState }) {
  const total = run.request.config.images;
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
        {run.pace !== null && <span>{formatValue(run.pace)} images/s</span>}
        {left !== null && run.phase === 'running' && <span>{formatDuration(left)} left</span>}
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

function phaseText(run: DistilRunState): string {
  if (run.ended) return { finished: 'Finished', stopped: 'Stopped' }[run.phase as string] ?? 'Failed';
  if (run.asked === 'stop' || run.phase === 'stopped') return 'Stopping after this step';
  if (run.asked === 'pause') return 'Pausing after this step';
  if (run.asked === 'step') return 'One step';
  if (run.phase === 'paused') return 'Paused';
  if (run.phase !== 'preparing') return run.history.points.length > 0 ? 'Running' : 'First step';
  const { preparing } = run;
  if (!preparing) return 'Preparing';
  const what = preparing.what.charAt(0).toUpperCase() + preparing.what.slice(1);
  return preparing.total > 0 ? `${what}, ${Math.round((100 * preparing.done) / preparing.total)} %` : what;
}

function Controls({ run }: { run: DistilRunState }) {
  const { controller } = useApp();
  const { control } = controller.distil;
  const paused = run.phase === 'paused';
  const stopping = run.asked === 'stop' || run.phase === 'stopped';
  return (
    <>
      {paused ? (
        <button
          type="button"
          className="button primary"
          disabled={stopping}
          onClick={() => control('resume')}
        >
          <Play aria-hidden />
          Resume
        </button>
      ) : (
        <button
          type="button"
          className="button primary"
          disabled={run.phase !== 'running' || run.asked !== null}
          onClick={() => control('pause')}
        >
          <Pause aria-hidden />
          Pause
        </button>
      )}
      <button
        type="button"
        className="button"
        disabled={!paused || run.asked !== null}
        onClick={() => control('step')}
      >
        <StepForward aria-hidden />
        One step
      </button>
      <button type="button" className="button" disabled={stopping} onClick={() => control('stop')}>
        <Square aria-hidden />
        Stop
      </button>
    </>
  );
}

function Results({ run, onError }: { run: DistilRunState; onError: (line: string | null) => void }) {
  const { controller } = useApp();
  const [saving, setSaving] = useState(false);
  const student = run.result?.student ?? null;
  const save = async () => {
    setSaving(true);
    onError(null);
    try {
      saveBlob(await controller.distil.exportStudent(), `${fileStem(run)}.safetensors`);
    } catch (error) {
      onError(asInnateError(error).describe());
    }
    setSaving(false);
  };
  return (
    <>
      {student && (
        <>
          <button type="button" className="button primary" onClick={controller.distil.useStudent}>
            Use in Generate
          </button>
          <button type="button" className="button" disabled={saving} onClick={() => void save()}>
            <Download aria-hidden />
            {saving ? 'Saving' : 'Save student'}
          </button>
        </>
      )}
      {run.history.points.length > 0 && <SaveCurves run={run} />}
      <button
        type="button"
        className={student ? 'button' : 'button primary'}
        onClick={() => controller.distil.show('setup')}
      >
        New run
      </button>
    </>
  );
}

function SaveCurves({ run }: { run: DistilRunState }) {
  return (
    <button
      type="button"
      className="button"
      onClick={() =>
        saveBlob(new Blob([curvesCsv(run.history.points)], { type: 'text/csv' }), `${fileStem(run)}.csv`)
      }
    >
      <Download aria-hidden />
      Save curves
    </button>
  );
}
