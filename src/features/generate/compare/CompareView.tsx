import { useEffect, useRef, useState } from 'react';
import { useApp } from '../../../state/react';
import { Dialog } from '../../../ui/Dialog';
import { NARROW, useMedia, useSpace } from '../../../ui/use-space';
import { Notices } from '../Notices';
import '../generate.css';
import './compare.css';
import './compare-narrow.css';
import { CompareControls } from './CompareControls';
import { CompareInspector } from './CompareInspector';
import { CompareToolbar } from './CompareToolbar';
import { layOutRows } from './layout';
import { RowsTable } from './RowsTable';
import { useOpenCell, useRows } from './use-rows';

/** Rows of several models from the same noise, each with its time beside the others'. */
export default function CompareView() {
  const { controller } = useApp();
  const rows = useRows();
  const at = useOpenCell();
  const narrow = useMedia(NARROW);
  const [said, setSaid] = useState('');
  const room = useRef<HTMLDivElement>(null);
  const space = useSpace(room);
  const layout = space && layOutRows(space.width);
  const columns = layout?.columns ?? 0;
  useEffect(() => {
    if (columns > 0) controller.compare.fit(columns);
  }, [controller, columns]);
  const open = at && rows[at.row] ? { row: rows[at.row]!, at } : null;
  const close = () => controller.compare.open(null);
  return (
    <div className={open && !narrow ? 'generate side-by-side' : 'generate side-by-side shut'}>
      <h1 className="hidden-text">Generate, compare</h1>
      <CompareControls rows={rows} />
      <section className="stage" aria-label="Rows">
        <CompareToolbar rows={rows} />
        <Notices />
        <div ref={room} className="room">
          {layout && <RowsTable rows={rows} layout={layout} at={at} onMoved={setSaid} />}
        </div>
        <p className="hidden-text" aria-live="polite">
          {said}
        </p>
      </section>
      {open &&
        (narrow ? (
          <Dialog title="Open image" full onClose={close}>
            <CompareInspector {...open} />
          </Dialog>
        ) : (
          <aside className="inspector" aria-label="Open image">
            <CompareInspector {...open} onClose={close} />
          </aside>
        ))}
    </div>
  );
}
