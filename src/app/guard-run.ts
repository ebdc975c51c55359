import { type DistilStore, isUnderWay } from '../state/distil';

const ask = (event: BeforeUnloadEvent) => event.preventDefault();

/** The browser asks before a page is left that distils. Only then: pages with such a listener load slower again. */
export function guardRun(store: DistilStore): void {
  store.subscribe(({ run }) => {
    if (isUnderWay(run)) addEventListener('beforeunload', ask);
    else removeEventListener('beforeunload', ask);
  });
}
