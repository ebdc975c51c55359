import { Suspense, useRef, useState } from 'react';
import { useView } from '../../state/react';
import { Dialog } from '../../ui/Dialog';
import { part } from '../../ui/part';
import { NARROW, useMedia } from '../../ui/use-space';
import { Controls } from './Controls';
import './generate.css';
import { Inspector, InspectorTitle } from './Inspector';
import { Stage } from './Stage';

/** Loaded when rows are first compared. */
const CompareView = part(() => import('./compare/CompareView'));

/** One model, or several side by side. */
export function GenerateView() {
  const compare = useView((v) => v.compare);
  if (!compare) return <OneModelView />;
  return (
    <Suspense>
      <CompareView />
    </Suspense>
  );
}

/** Controls, images, and the selected image with its recipe. */
function OneModelView() {
  const narrow = useMedia(NARROW);
  const [open, setOpen] = useState(false);
  const stage = useRef<HTMLElement>(null);
  return (
    <div className="generate">
      <h1 className="hidden-text">Generate</h1>
      <Controls />
      <Stage ref={stage} onOpenImage={narrow ? () => setOpen(true) : undefined} />
      {narrow ? (
        open && (
          <Dialog title="Selected image" full onClose={() => setOpen(false)}>
            <InspectorTitle />
            <Inspector />
          </Dialog>
        )
      ) : (
        <aside className="inspector" aria-label="Selected image">
          <InspectorTitle />
          <Inspector />
        </aside>
      )}
    </div>
  );
}
