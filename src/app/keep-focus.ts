/** What keys can go on from. No field: one that is typed into would take the next shortcut for text. */
const STOPS = [
  'button:enabled',
  'a[href]',
  'summary',
  'input[type="radio"]:checked:enabled',
  'input[type="checkbox"]:enabled',
  '[role="slider"]',
  '[role="group"][tabindex="0"]',
];

/**
 * Keeps a place for people who use keys. What had the focus may leave the page: a button whose work is done, a view that
 * gives way to another. The focus then goes to the nearest part that is still there, and at last to the tab that is
 * shown; what was disabled for a while gets it back. A pointer goes where it wants: nothing is moved for it.
 */
export function keepFocus(): void {
  let byKeys = false;
  addEventListener('keydown', () => (byKeys = true), { capture: true, passive: true });
  addEventListener('pointerdown', () => (byKeys = false), { capture: true, passive: true });

  let last: HTMLElement | null = null;
  /** What it stood in, from the nearest outwards: an element that has left the page does not tell any more. */
  let around: HTMLElement[] = [];
  let tab: HTMLElement | null = null;
  addEventListener('focusin', ({ target }) => {
    if (!(target instanceof HTMLElement)) return;
    last = target;
    around = ancestors(target);
    tab = shownTab();
  });

  new MutationObserver(() => {
    if (!byKeys || !last || !isLost()) return;
    if (last.isConnected)
      last.focus({ preventScroll: true }); // nothing happens while it is disabled
    else (tab === shownTab() ? nearestStop(around, tab) : shownTab())?.focus();
  }).observe(document.body, { childList: true, subtree: true, attributeFilter: ['disabled'] });
}

const isLost = () => document.activeElement === null || document.activeElement === document.body;

const shownTab = () => document.querySelector<HTMLElement>('[role="tab"][aria-selected="true"]');

function ancestors(element: HTMLElement): HTMLElement[] {
  const found: HTMLElement[] = [];
  for (let at = element.parentElement; at; at = at.parentElement) found.push(at);
  return found;
}

function nearestStop(around: readonly HTMLElement[], tab: HTMLElement | null): HTMLElement | null {
  for (const place of around) {
    if (!place.isConnected) continue;
    if (place.contains(tab)) break; // as far out as the page itself
    for (const stop of place.querySelectorAll<HTMLElement>(STOPS.join()))
      if (stop.tabIndex >= 0 && stop.checkVisibility()) return stop;
  }
  return tab;
}
