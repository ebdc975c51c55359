import { Suspense, useRef, useState } from 'react';
import { useStore } from 'zustand';
import { useApp, useView } from '../../state/react';
import { Dialog } from '../../ui/Dialog';
import { part } from '../../ui/part';
import { NARROW, useMedia } from '../../ui/use-space';
import { Controls } from './Controls';
import './generate.css';
import { Inspector, InspectorTitle } from './Inspector';
import { Stage } from './Stage';

/** Loaded when rows are first compared. */
const CompareView = part(() => import('./compare/CompareView'));

/** Loaded when a path is first played. */
const PathInspector = part(() => import('./playground/PathInspector'));
const PlaygroundDialogs = part(() => import('./playground/PlaygroundDialogs'));

/** One model, or several side by side. */
export function GenerateView() {
  const { stores } = useApp();
  const compare = useView((v) => v.compare);
  const asked = useStore(stores.asked, (s) => s.asked !== null);
  return (
    <>
      {compare ? (
        <Suspense>
          <CompareView />
        </Suspense>
      ) : (
        <OneModelView />
      )}
      <Suspense>{asked && <PlaygroundDialogs />}</Suspense>
    </>
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
            <Shown />
          </Dialog>
        )
      ) : (
        <aside className="inspector" aria-label="Selected image">
          <Shown />
        </aside>
      )}
    </div>
  );
}

/** The selected image, or the frame of the path that is played. */
function Shown() {
  const onPath = useView((v) => v.path !== '');
  if (onPath)
    return (
      <Suspense>
        <PathInspector />
      </Suspense>
    );
  return (
    <>
      <InspectorTitle />
      <Inspector />
    </>
  );
}
