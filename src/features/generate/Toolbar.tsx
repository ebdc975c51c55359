import { useApp, useEngine, usePrefs } from '../../state/react';
import { workLine } from '../../state/work-line';
import { formatMs } from '../../ui/format';
import { Segmented } from '../../ui/Segmented';
import { WorkLine } from '../../ui/WorkLine';

/** Above the images: the reading that matters, or what is under way. */
export function Toolbar() {
  const { controller } = useApp();
  const state = useEngine(({ work, progress, made, error }) => ({ work, progress, made, error }));
  const line = workLine(state);
  return (
    <div className="toolbar">
      <WorkLine line={line} onCancel={controller.cancel} onDismiss={controller.dismissError}>
        <Reading />
        <Pixels />
      </WorkLine>
    </div>
  );
}

function Reading() {
  const last = useEngine((s) => s.status?.lastForward ?? null);
  if (!last) return <p className="toolbar-text">No images yet</p>;
  const each = last.images > 1 ? `, ${formatMs(last.ms / last.images)} ms each` : '';
  return (
    <>
      <p className="reading">
        {formatMs(last.ms)}
        <small>ms</small>
      </p>
      <p className="toolbar-text">
        {last.images === 1 ? '1 image' : `${last.images} images`} in one pass
        <span className="only-wide">{each}</span>
      </p>
    </>
  );
}

function Pixels() {
  const { stores } = useApp();
  const smooth = usePrefs((p) => p.smooth);
  return (
    <span className="toolbar-end">
      <Segmented
        label="Pixels"
        value={smooth ? 'smooth' : 'crisp'}
        options={[
          { value: 'crisp', label: 'Crisp', title: 'Every pixel as a square' },
          { value: 'smooth', label: 'Smooth', title: 'Interpolated' },
        ]}
        onChange={(value) => stores.prefs.setState({ smooth: value === 'smooth' })}
      />
    </span>
  );
}
