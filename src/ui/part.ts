import { type ComponentType, lazy } from 'react';
import { loadPart } from '../lib/load-part';

// biome-ignore lint/suspicious/noExplicitAny: whatever the component takes, as React's own type of lazy
type Load<C extends ComponentType<any>> = () => Promise<{ default: C }>;

const waiting: (() => Promise<unknown>)[] = [];

/** A component that is loaded when it is first shown, or before that by `fetchParts`. */
// biome-ignore lint/suspicious/noExplicitAny: as above
export function part<C extends ComponentType<any>>(load: Load<C>) {
  waiting.push(load);
  return lazy(() => loadPart(load()));
}

/**
 * Fetches the parts one after the other while the page has nothing else to do, those that a part brings with it too, so
 * that each is there at once when it is asked for. The service worker keeps their files for the next visit by itself;
 * this serves the first one, and browsers without a service worker. What cannot be had now is asked for again when it
 * is shown.
 */
export async function fetchParts(idle: () => Promise<void> = whenIdle): Promise<void> {
  for (let load = waiting.shift(); load; load = waiting.shift()) {
    await idle();
    await load().catch(() => {});
  }
}

const whenIdle = () =>
  new Promise<void>((resolve) => {
    if (typeof requestIdleCallback === 'function') requestIdleCallback(() => resolve(), { timeout: 5000 });
    else setTimeout(resolve, 200); // Safari
  });
