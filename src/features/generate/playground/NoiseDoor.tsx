import { Suspense, useState } from 'react';
import { useView } from '../../../state/react';
import { part } from '../../../ui/part';

const NoisePainter = part(() => import('./NoisePainter'));

/** The selected image's noise, to be painted on or replaced: closed until somebody asks, or has noise of their own. */
export function NoiseDoor() {
  const mine = useView((v) => v.own.some(({ place, noise }) => place === v.selected && noise !== null));
  const [open, setOpen] = useState(false);
  return (
    <section className="beside" aria-label="Noise">
      <label className="beside-door">
        <span>Noise of this image</span>
        <input
          type="checkbox"
          checked={open || mine}
          disabled={mine}
          onChange={(event) => setOpen(event.currentTarget.checked)}
        />
      </label>
      {(open || mine) && (
        <Suspense>
          <NoisePainter mine={mine} />
        </Suspense>
      )}
    </section>
  );
}
