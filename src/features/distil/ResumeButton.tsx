import { Play } from 'lucide-react';
import { missingImages, type RunSummary } from '../../protocol/runs';
import { isUnderWay } from '../../state/distil/store';
import { useApp, useDistil } from '../../state/react';
import { FileButton } from '../../ui/FileButton';
import { useSetup } from './use-setup';

/** Goes on with a saved run; where the user's own files were not kept, it asks for them. */
export function ResumeButton({ run, primary = false }: { run: RunSummary; primary?: boolean }) {
  const { controller } = useApp();
  const under = useDistil((s) => isUnderWay(s.run));
  const { teacher } = useSetup();
  const { record, missing, busy } = run;
  const { id } = record.about;
  const resume = (files: File[]) =>
    controller.distil.resumeRun(id, {
      files,
      teacher:
        record.kept.teacher || record.request.teacher.kind === 'catalogue' ? null : (teacher?.ref ?? null),
    });
  const wantsImages = missingImages(record) !== null;
  const wantsFeatures = record.config.secondFeatures !== 'none' && !record.kept.secondFeatures;
  if (missing && (wantsImages || wantsFeatures))
    return (
      <FileButton
        label={wantsFeatures ? 'Choose its files and resume' : 'Choose its images and resume'}
        className={primary ? 'primary' : undefined}
        icon={Play}
        title={`It needs ${missing} again`}
        onFiles={(files) => void resume(files)}
      />
    );
  return (
    <button
      type="button"
      className={primary ? 'button primary' : 'button'}
      disabled={busy || under}
      title={missing ? `It needs ${missing}: open it and choose it as the teacher first` : undefined}
      onClick={() => void resume([])}
    >
      <Play aria-hidden />
      Resume
    </button>
  );
}
