import { Trash2 } from 'lucide-react';
import { useEffect, useState } from 'react';
import type { RunSummary, UnreadableRun } from '../../../protocol/runs';
import { methodText } from '../../../state/distil/fields';
import { useApp, useDistil } from '../../../state/react';
import { Dialog } from '../../../ui/Dialog';
import { formatBytes, formatValue, formatWhole } from '../../../ui/format';
import { Note } from '../../../ui/Note';
import { saveBlob } from '../../../ui/save-blob';
import { ResumeButton } from '../ResumeButton';
import { StillImage } from '../run/StillImage';

/** Every run that this browser has saved. */
export default function RunsView() {
  const { controller } = useApp();
  const { runs, unreadable, error } = useDistil((s) => ({
    runs: s.runs,
    unreadable: s.unreadable,
    error: s.runsError,
  }));
  const [chosen, setChosen] = useState<readonly string[]>([]);
  const [deleting, setDeleting] = useState<Doomed | null>(null);
  const choose = (id: string, on: boolean) =>
    setChosen(on ? [...chosen, id].slice(-2) : chosen.filter((other) => other !== id));
  const [a, b] = chosen;
  useEffect(() => void controller.distil.loadRuns(), [controller]); // one may be under way
  const bytes = [...(runs ?? []), ...unreadable].reduce((sum, run) => sum + run.bytes, 0);
  return (
    <div className="runs">
      <header className="runs-head">
        <div>
          <h2>Runs</h2>
          <p className="caption">
            Saved in this browser, {formatBytes(bytes)} in all. Clearing the browser’s site data deletes them.
          </p>
        </div>
        <button
          type="button"
          className="button"
          disabled={!a || !b}
          onClick={() => a && b && void controller.distil.compareRuns(a, b)}
        >
          Compare two
        </button>
        <button type="button" className="button" onClick={() => controller.distil.show('setup')}>
          New run
        </button>
      </header>
      {error && <Note tone="error">{error}</Note>}
      {runs?.length === 0 && unreadable.length === 0 && (
        <p className="secondary">There are no runs yet. A run appears here as soon as it starts.</p>
      )}
      <ul className="run-list">
        {runs?.map((run) => (
          <RunRow
            key={run.record.about.id}
            run={run}
            chosen={chosen.includes(run.record.about.id)}
            onChoose={(on) => choose(run.record.about.id, on)}
            onDelete={() =>
              setDeleting({ id: run.record.about.id, name: run.record.about.name, bytes: run.bytes })
            }
          />
        ))}
        {unreadable.map((run) => (
          <UnreadableRow
            key={run.id}
            run={run}
            onDelete={() => setDeleting({ id: run.id, name: `run ${run.id}`, bytes: run.bytes })}
          />
        ))}
      </ul>
      {deleting && (
        <DeleteDialog
          run={deleting}
          onDelete={() => {
            void controller.distil.deleteRun(deleting.id);
            setChosen(chosen.filter((id) => id !== deleting.id));
          }}
          onClose={() => setDeleting(null)}
        />
      )}
    </div>
  );
}

/** A run that is about to be deleted. */
interface Doomed {
  id: string;
  name: string;
  bytes: number;
}

function DeleteDialog({
  run,
  onDelete,
  onClose,
}: {
  run: Doomed;
  onDelete: () => void;
  onClose: () => void;
}) {
  return (
    <Dialog title={`Delete ${run.name}?`} onClose={onClose}>
      <p>Its student, its curves and its samples go, {formatBytes(run.bytes)}. This cannot be undone.</p>
      <div className="dialog-actions">
        <button type="button" className="button" onClick={onClose}>
          Keep it
        </button>
        <button
          type="button"
          className="button"
          onClick={() => {
            onDelete();
            onClose();
          }}
        >
          Delete
        </button>
      </div>
    </Dialog>
  );
}

interface RowProps {
  run: RunSummary;
  chosen: boolean;
  onChoose: (on: boolean) => void;
  onDelete: () => void;
}

function RunRow({ run, chosen, onChoose, onDelete }: RowProps) {
  const { controller } = useApp();
  const { record, preview, busy, missing } = run;
  const { about, config } = record;
  const relabel = (what: { name?: string; notes?: string }) =>
    void controller.distil.describeRun(about.id, what);
  return (
    <li className="run-row">
      {preview ? (
        <StillImage samples={preview} count={3} size={64} />
      ) : (
        <span className="run-blank" aria-hidden />
      )}
      <div className="run-texts">
        <Editable
          label={`Name of ${about.name}`}
          value={about.name}
          strong
          onCommit={(name) => relabel({ name })}
        />
        <p className="caption">
          {methodText(config)} on {about.dataName}, batch {config.batch}.{' '}
          {new Date(record.created).toLocaleString('en', { dateStyle: 'medium', timeStyle: 'short' })}
        </p>
        <p className="secondary">
          {formatWhole(record.images)} of {formatWhole(config.images)} images, {stateText(run)}.{' '}
          {distanceText(run)}
        </p>
        <Editable
          label={`Notes on ${about.name}`}
          value={record.notes}
          placeholder="Notes"
          onCommit={(notes) => relabel({ notes })}
        />
        {about.series && (
          <p className="caption">
            Run {about.series.index + 1} of {about.series.of} of a series, {about.series.label}.{' '}
            <button
              type="button"
              className="link"
              onClick={() => void controller.distil.showSeries(about.series!.id)}
            >
              Show the series
            </button>
          </p>
        )}
        {missing && <p className="caption">To go on it needs {missing} again.</p>}
      </div>
      <div className="run-actions">
        <label className="check">
          <input
            type="checkbox"
            checked={chosen}
            aria-label={`Choose ${about.name} to compare`}
            onChange={(event) => onChoose(event.currentTarget.checked)}
          />
          Compare
        </label>
        <button
          type="button"
          className="button"
          aria-label={`Open ${about.name}`}
          onClick={() => void controller.distil.openRun(about.id)}
        >
          Open
        </button>
        {record.end !== 'finished' && !busy && <ResumeButton run={run} />}
        <button
          type="button"
          className="icon-button"
          aria-label={`Delete ${about.name}`}
          title={busy ? 'This run is in progress' : 'Delete'}
          disabled={busy}
          onClick={onDelete}
        >
          <Trash2 aria-hidden />
        </button>
      </div>
    </li>
  );
}

/** A run that cannot be read is kept: who knows what can be saved of it. */
function UnreadableRow({ run, onDelete }: { run: UnreadableRun; onDelete: () => void }) {
  const { controller } = useApp();
  const save = async (what: 'state' | 'files', ending: string) => {
    const blob = await controller.distil.exportUnreadable(run.id, what);
    if (blob) saveBlob(blob, `${run.id}.${ending}`);
  };
  return (
    <li className="run-row">
      <span className="run-blank" aria-hidden />
      <div className="run-texts">
        <p>
          <strong>A run that cannot be read</strong>
        </p>
        <p className="secondary">
          {formatBytes(run.bytes)} in {run.id}: {run.reason}.
        </p>
        <p className="caption">
          {run.state
            ? 'Its newest state is intact. Save it and continue with it on the command line.'
            : 'Reload the page to try again. Its files are kept until you delete them.'}
        </p>
      </div>
      <div className="run-actions">
        {run.state && (
          <button
            type="button"
            className="button"
            aria-label={`Save the state of run ${run.id}`}
            onClick={() => void save('state', 'state')}
          >
            Save its state
          </button>
        )}
        <button
          type="button"
          className="button"
          aria-label={`Save all files of run ${run.id}`}
          onClick={() => void save('files', 'zip')}
        >
          Save its files
        </button>
        <button
          type="button"
          className="icon-button"
          aria-label={`Delete run ${run.id}`}
          title={run.busy ? 'This run is in progress' : 'Delete'}
          disabled={run.busy}
          onClick={onDelete}
        >
          <Trash2 aria-hidden />
        </button>
      </div>
    </li>
  );
}

function stateText({ record, busy, unsaved }: RunSummary): string {
  if (busy) return 'under way';
  if (unsaved) return 'kept while this page is open: the disk is full';
  return { open: 'interrupted', finished: 'finished', stopped: 'stopped', failed: 'failed' }[record.end];
}

function distanceText({ record }: RunSummary): string {
  const { frechet, best, request } = record;
  if (!frechet || !best) return 'The distance was not measured.';
  const at = best.images === frechet.images ? '' : `, ${formatValue(best.value)} at best`;
  return `Fréchet distance ${formatValue(frechet.value)}${at} (n ${formatWhole(request.measureImages)}).`;
}

interface EditableProps {
  label: string;
  value: string;
  placeholder?: string;
  strong?: boolean;
  onCommit: (value: string) => void;
}

/** Text that is edited where it stands; taken over on Enter or when the field is left. */
function Editable({ label, value, placeholder, strong, onCommit }: EditableProps) {
  const [draft, setDraft] = useState<string | null>(null);
  const commit = () => {
    const text = draft?.trim();
    setDraft(null);
    if (text !== undefined && text !== value && (text !== '' || !strong)) onCommit(text.slice(0, 2000));
  };
  return (
    <input
      className={strong ? 'run-field strong' : 'run-field'}
      type="text"
      autoComplete="off"
      aria-label={label}
      placeholder={placeholder}
      value={draft ?? value}
      onChange={(event) => setDraft(event.currentTarget.value)}
      onBlur={commit}
      onKeyDown={(event) => {
        if (event.key === 'Enter') event.currentTarget.blur();
        else if (event.key === 'Escape') setDraft(null);
      }}
    />
  );
}
