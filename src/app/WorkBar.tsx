import { useApp, useEngine } from '../state/react';
import { workLine } from '../state/work-line';
import { WorkLine } from '../ui/WorkLine';

/** The line of what is under way, for the tabs that have no place of their own for it. */
export function WorkBar() {
  const { controller } = useApp();
  // Images being made in the background are not these tabs' business; what failed is.
  const generating = useEngine((s) => s.work?.kind === 'generating' && s.error === null);
  const line = workLine(useEngine(({ work, progress, made, error }) => ({ work, progress, made, error })));
  if (!line || generating) return null;
  return (
    <div className="work-bar">
      <WorkLine
        line={line}
        onCancel={controller.cancel}
        onDismiss={controller.dismissError}
        onChoose={controller.chooseForFile}
      />
    </div>
  );
}
