import { type Ref, Suspense, useCallback, useMemo, useRef, useState } from 'react';
import { useStore } from 'zustand';
import { useAction, useApp, useModel, usePrefs, useView } from '../../state/react';
import { layOut } from '../../ui/grid-layout';
import { ImageGrid } from '../../ui/ImageGrid';
import { part } from '../../ui/part';
import { NARROW, useMedia, useSpace, WIDE } from '../../ui/use-space';
import { Hint } from './Hint';
import { Notices } from './Notices';
import { pictureSource } from './pictures';
import { Toolbar } from './Toolbar';

/** Height kept for the line under the images. */
const HINT = 44;

const PinnedStrip = part(() => import('./playground/PinnedStrip'));
const HistoryStrip = part(() => import('./history/HistoryStrip'));
/** Loaded when a path is first played. */
const PathStage = part(() => import('./playground/PathStage'));

/** Under the images: pins, from the second on, and what was seen, from the first change on. */
function Strips() {
  const { stores } = useApp();
  const pinned = useView((v) => v.pins.length > 1);
  const past = useStore(stores.history, (h) => h.moments.length > 1);
  return pinned || past ? (
    <div className="strips">
      <Suspense>
        {pinned && <PinnedStrip />}
        {past && <HistoryStrip />}
      </Suspense>
    </div>
  ) : null;
}

interface Props {
  ref: Ref<HTMLElement>;
  onOpenImage?: (() => void) | undefined;
}

export function Stage({ ref, onOpenImage }: Props) {
  const onPath = useView((v) => v.path !== '');
  return (
    <section ref={ref} className="stage" aria-label="Images">
      <Toolbar />
      <Notices />
      {onPath ? (
        <Suspense>
          <PathStage onOpenImage={onOpenImage} />
          <Strips />
        </Suspense>
      ) : (
        <Grid onOpenImage={onOpenImage} />
      )}
    </section>
  );
}

/** The images of the seeds. */
function Grid({ onOpenImage }: Omit<Props, 'ref'>) {
  const { stores } = useApp();
  const model = useModel();
  const count = useView((v) => v.count);
  const selected = useView((v) => v.selected);
  const smooth = usePrefs((p) => p.smooth);
  const source = useMemo(() => pictureSource(stores.images), [stores.images]);
  const resolution = useStore(stores.images, (s) => s.images[0]?.resolution) ?? model?.resolution ?? 64;
  const setUnseen = useCallback(
    (unseen: readonly number[]) => stores.images.setState({ unseen }),
    [stores.images],
  );
  const room = useRef<HTMLDivElement>(null);
  const space = useSpace(room);
  const wide = useMedia(WIDE);
  const narrow = useMedia(NARROW);
  // Where the page scrolls, two fingers say how many stand beside each other.
  const [wider, setWider] = useState(0);
  const usual = space ? Math.max(3, Math.floor(space.width / 140)) : 3;
  const pin = useAction('pin');
  const layout =
    space &&
    layOut({
      width: space.width,
      height: wide ? space.height - HINT : null,
      count,
      resolution,
      gap: narrow ? 3 : 4,
      ratio: devicePixelRatio,
      columns: Math.max(1, usual + wider),
    });
  return (
    <div ref={room} className={smooth ? 'room smooth' : 'room'}>
      {layout && (
        <ImageGrid
          label="Generated images"
          source={source}
          count={count}
          layout={layout}
          selected={selected}
          onSelect={(index) => stores.view.setState({ selected: index })}
          onOpen={onOpenImage}
          onUnseen={setUnseen}
          onHold={pin.perform}
          onPinch={(direction) => setWider((w) => Math.min(5, Math.max(1 - usual, w - direction)))}
        />
      )}
      <Hint />
      <Strips />
    </div>
  );
}
