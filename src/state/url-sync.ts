import type { ViewState, ViewStore } from './generate/view';
import { formatHash, type ReadView, readHash } from './url';

/** The parts of `window` that are used; a test passes its own. */
export interface AddressBar {
  readonly location: { readonly hash: string };
  readonly history: {
    replaceState(data: unknown, unused: string, url: string): void;
    pushState(data: unknown, unused: string, url: string): void;
  };
  addEventListener(type: 'hashchange' | 'pagehide', listener: () => void): void;
}

const DELAY_MS = 200; // browsers refuse more than about 100 replaceState calls in 30 s

/**
 * Keeps the address in step with the view, in both directions. Each tab that is gone to is an entry of the history,
 * so that Back and Forward walk through the tabs; whatever else changes replaces the entry of its tab.
 * `arrive` takes over the view of an address that was typed, followed or gone back to.
 */
export function syncAddress(
  view: ViewStore,
  defaults: ViewState,
  page: AddressBar,
  arrive: (read: ReadView) => void,
): void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let arriving = false;
  /** The address as it was left here. Another one is where the person has just gone: `hashchange` is about to tell. */
  let known = page.location.hash;
  const replace = (state: ViewState) => {
    clearTimeout(timer);
    timer = undefined;
    const hash = formatHash(state, defaults);
    if (page.location.hash !== known || hash === known) return;
    page.history.replaceState(null, '', hash);
    known = page.location.hash;
  };
  view.subscribe((next, before) => {
    if (next.tab !== before.tab && !arriving) {
      if (timer !== undefined) replace(before); // the tab that is left comes back as it was
      page.history.pushState(null, '', formatHash(view.getState(), defaults));
      known = page.location.hash;
    } else timer ??= setTimeout(() => replace(view.getState()), DELAY_MS);
  });
  page.addEventListener('hashchange', () => {
    clearTimeout(timer);
    timer = undefined;
    known = page.location.hash;
    arriving = true;
    arrive(readHash(page.location.hash, defaults));
    arriving = false;
  });
  page.addEventListener('pagehide', () => timer !== undefined && replace(view.getState()));
}
