import { isFast } from '../../state/distil/settings';
import { type SettledSetup, settleSetup } from '../../state/distil/setup';
import { useDistil, useEngine, useModels } from '../../state/react';

/** The settings with every default filled in. */
export function useSetup(): SettledSetup {
  const { setup, packs } = useDistil(({ setup, packs }) => ({ setup, packs }));
  return settleSetup(setup, useModels(), packs ?? [], useEngine(isFast));
}
