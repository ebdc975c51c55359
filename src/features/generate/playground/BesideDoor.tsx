import { Suspense, useMemo } from 'react';
import { useStore } from 'zustand';
import { besidePair } from '../../../state/beside/controller';
import { useApp, useModel, useModels } from '../../../state/react';
import { part } from '../../../ui/part';

const Beside = part(() => import('./Beside'));

/** Student and teacher beside each other, where both are here: closed until somebody asks. */
export function BesideDoor() {
  const { controller, stores } = useApp();
  const models = useModels(); // which of them are here
  const current = useModel()?.key;
  // biome-ignore lint/correctness/useExhaustiveDependencies: besidePair reads these from their stores
  const pair = useMemo(() => besidePair(stores), [stores, models, current]);
  const open = useStore(stores.beside, (s) => s.open);
  if (!pair) return null;
  return (
    <section className="beside" aria-label="Teacher beside student">
      <label className="beside-door">
        <span>Teacher beside student</span>
        <input
          type="checkbox"
          checked={open}
          onChange={(event) => controller.beside.show(event.currentTarget.checked)}
        />
      </label>
      {open && (
        <Suspense>
          <Beside />
        </Suspense>
      )}
    </section>
  );
}
