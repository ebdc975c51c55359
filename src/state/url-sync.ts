import { formatHash, parseHash } from './url';
import type { ViewState, ViewStore } from './view';

/** The parts of `window` that are used; a test passes its own. */
export interface AddressBar {
  readonly location: { readonly hash: string };
  readonly history: { replaceState(data: unknown, unused: string, url: string): void };
  addEventListener(type: 'hashchange' | 'pagehide', listener: () => void): void;
}

const DELAY_MS = 200; // browsers refuse more than about 100 replaceState calls in 30 s

/** Keeps the address in step with the view, in both directions. */
export function syncAddress(view: ViewStore, defaults: ViewState, page: AddressBar): void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const write = () => {
    clearTimeout(timer);
    timer = undefined;
    const hash = formatHash(view.getState(), defaults);
    if (hash !== page.location.hash) page.history.replaceState(null, '', hash);
  };
  view.subscribe(() => {
    timer ??= setTimeout(write, DELAY_MS);
  });
  page.addEventListener('hashchange', () => {
    clearTimeout(timer);
    timer = undefined;
    view.setState(parseHash(page.location.hash, defaults));
  });
  page.addEventListener('pagehide', () => timer !== undefined && write());
}
