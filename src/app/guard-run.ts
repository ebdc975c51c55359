import type { DistilController } from '../state/distil/controller';
import { type DistilStore, isUnderWay, wouldLose } from '../state/distil/store';

const ask = (event: BeforeUnloadEvent) => event.preventDefault();

/**
 * A run saves itself when its page is hidden or left. The browser asks before leaving only where something would be
 * lost: pages with such a listener load slower again.
 */
export function guardRun(store: DistilStore, { control }: Pick<DistilController, 'control'>): void {
  store.subscribe((state) => {
    if (wouldLose(state)) addEventListener('beforeunload', ask);
    else removeEventListener('beforeunload', ask);
  });
  const save = () => isUnderWay(store.getState().run) && control('save');
  addEventListener('pagehide', save);
  document.addEventListener('visibilitychange', () => document.hidden && save());
}
