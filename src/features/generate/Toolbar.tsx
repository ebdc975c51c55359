import { Suspense } from 'react';
import { counted } from '../../lib/words';
import { useApp, useEngine, usePrefs, useView } from '../../state/react';
import { workLine } from '../../state/work-line';
import { formatMs } from '../../ui/format';
import { part } from '../../ui/part';
import { Segmented } from '../../ui/Segmented';
import { WorkLine } from '../../ui/WorkLine';

const PathReading = part(() => import('./playground/PathReading'));
const ExportMenu = part(() => import('./playground/ExportMenu'));

/** Above the images: the reading that matters, or what is under way. */
export function Toolbar() {
  const { controller } = useApp();
  const onPath = useView((v) => v.path !== '');
  const state = useEngine(({ work, progress, made, error }) => ({ work, progress, made, error }));
  const line = workLine(state);
  return (
    <div className="toolbar">
      <WorkLine
        line={line}
        onCancel={controller.cancel}
        onDismiss={controller.dismissError}
        onChoose={controller.chooseForFile}
      >
        <Suspense fallback={<Reading />}>{onPath ? <PathReading /> : <Reading />}</Suspense>
        <Pixels />
        <Suspense fallback={<span className="export-place" />}>
          <ExportMenu />
        </Suspense>
      </WorkLine>
    </div>
  );
}

function Reading() {
  const reading = useEngine((s) => s.reading);
  if (!reading) return <p className="toolbar-text">No images yet</p>;
  const { images, passes, ms } = reading;
  return (
    <div className="toolbar-reading">
      <p className="reading">
        {formatMs(ms / images)}
        <small>ms an image</small>
      </p>
      <p className="toolbar-text">
        {counted(images, 'image')}, {counted(passes, 'pass', 'passes')} each
      </p>
    </div>
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
