import { Play, Save } from 'lucide-react';
import { useState } from 'react';
import { asInnateError } from '../../../lib/errors';
import { type DistilRunState, imagesSeen } from '../../../state/distil/store';
import { useApp, useDistil } from '../../../state/react';
import { formatWhole } from '../../../ui/format';
import { ResumeButton } from '../ResumeButton';
import { SaveDialog } from './SaveDialog';

/** What can be done with a run that is over. */
export function RunResults({ run, picked }: { run: DistilRunState; picked: number | null }) {
  const { controller, announce } = useApp();
  const [saving, setSaving] = useState(false);
  const stored = useDistil((s) => s.runs?.find((r) => r.record.about.id === run.about.id) ?? null);
  const student = run.result?.student || (run.saved && imagesSeen(run) > 0);
  const more = run.config.images * 2;
  const use = async () => {
    try {
      await controller.distil.showStudent();
    } catch (error) {
      announce(asInnateError(error).describe());
    }
  };
  return (
    <>
      {student && (
        <button type="button" className="button primary" onClick={() => void use()}>
          Use in Generate
        </button>
      )}
      {stored && run.phase !== 'finished' && !run.wayBack && <ResumeButton run={stored} primary={!student} />}
      {stored && run.phase === 'finished' && (
        <button
          type="button"
          className="button"
          title={`Continue to ${formatWhole(more)} images`}
          onClick={() => void controller.distil.resumeRun(run.about.id, { changes: { images: more } })}
        >
          <Play aria-hidden />
          Go on
        </button>
      )}
      {run.history.points.length > 0 && (
        <button type="button" className="button" onClick={() => setSaving(true)}>
          <Save aria-hidden />
          Save
        </button>
      )}
      <button
        type="button"
        className={student || stored ? 'button' : 'button primary'}
        onClick={() => controller.distil.show('setup')}
      >
        New run
      </button>
      {saving && <SaveDialog run={run} picked={picked} onClose={() => setSaving(false)} />}
    </>
  );
}
