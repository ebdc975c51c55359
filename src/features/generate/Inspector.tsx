import { Pin } from 'lucide-react';
import { Suspense, useMemo, useState } from 'react';
import { useStore } from 'zustand';
import { ariaKeys, keysOf } from '../../state/actions/shortcut';
import type { MadeImage } from '../../state/generate/images';
import { isPinned } from '../../state/generate/pins';
import { useAction, useApp, useView } from '../../state/react';
import { Facts } from '../../ui/Facts';
import { formatNumber } from '../../ui/format';
import { part } from '../../ui/part';
import { Hero, useHero } from './Hero';
import { InspectorHead } from './InspectorHead';
import { pictureSource } from './pictures';
import { recipeFacts } from './recipe';

const OwnActions = part(() => import('./playground/OwnActions'));
/** Loaded when it is first asked for. */
const NearestPanel = part(() => import('./nearest/NearestPanel'));

function useSelected(): MadeImage | null {
  const { stores } = useApp();
  const index = useView((v) => v.selected);
  return useStore(stores.images, (s) => s.images[index] ?? null);
}

export function InspectorTitle() {
  const image = useSelected();
  return (
    <InspectorHead
      title={image === null ? 'No image yet' : `Seed ${formatNumber(image.recipe.seed)}`}
      inside={image && 'its settings are inside'}
    >
      {image && <PinButton image={image} />}
    </InspectorHead>
  );
}

function PinButton({ image }: { image: MadeImage }) {
  const { action, perform } = useAction('pin');
  const { shortcut = '' } = action;
  const place = useView((v) => v.selected);
  const pinned = useView((v) => isPinned(v, image, place));
  const keys = keysOf(shortcut).join(' ');
  return (
    <button
      type="button"
      className="icon-button pin-button"
      aria-label="Pin image"
      aria-pressed={pinned}
      aria-keyshortcuts={ariaKeys(shortcut)}
      title={pinned ? `Unpin image (${keys})` : `Pin image: it stays in view (${keys})`}
      onClick={perform}
    >
      <Pin aria-hidden />
    </button>
  );
}

/** A closed door: a search of a whole training set is asked for. */
function Nearest({ image }: { image: MadeImage }) {
  const [open, setOpen] = useState(false);
  return (
    <>
      <button type="button" className="link" aria-expanded={open} onClick={() => setOpen(!open)}>
        Nearest training images
      </button>
      {open && (
        <Suspense fallback={null}>
          <NearestPanel image={image} />
        </Suspense>
      )}
    </>
  );
}

/** The selected image at a whole multiple, and how to make it again. */
export function Inspector() {
  const { stores } = useApp();
  const index = useView((v) => v.selected);
  const image = useSelected();
  const source = useMemo(() => pictureSource(stores.images), [stores.images]);
  const resolution = image?.resolution ?? 64;
  const hero = useHero(resolution);
  const shown = formatNumber(Math.round(hero.shown * 100) / 100);
  return (
    <>
      <Hero {...hero} source={source} index={index} resolution={resolution} />
      {image && (
        <div className="about">
          <Facts
            facts={[...recipeFacts(image.recipe), ['Size', `${resolution} × ${resolution}, shown ${shown}×`]]}
          />
          <Suspense>
            <OwnActions image={image} />
          </Suspense>
          <Nearest image={image} />
        </div>
      )}
    </>
  );
}
