import { useEffect, useState } from 'react';

/** Events that count, newest last. */
const WINDOW = 50;
/** The browser reports no event that took less. */
const LEAST_MS = 16;

/** Milliseconds from an input to the next picture: the slowest of the last fifty; null before the first input. */
export function useInputLatency(active: boolean): number | null {
  const [worst, setWorst] = useState<number | null>(null);
  useEffect(() => {
    if (!active || !PerformanceObserver.supportedEntryTypes?.includes('event')) return;
    const recent: number[] = [];
    const seen = (duration: number) => {
      recent.push(duration);
      if (recent.length > WINDOW) recent.shift();
      setWorst(Math.max(...recent));
    };
    const observer = new PerformanceObserver((list) => {
      for (const { duration, name } of list.getEntries())
        if (/^(pointerdown|pointerup|click|keydown|keyup)$/.test(name)) seen(duration);
    });
    observer.observe({ type: 'event', durationThreshold: LEAST_MS } as PerformanceObserverInit);
    // Faster ones are reported by nobody; that there was one is worth knowing.
    const quick = () => seen(0);
    addEventListener('pointerdown', quick);
    addEventListener('keydown', quick);
    return () => {
      observer.disconnect();
      removeEventListener('pointerdown', quick);
      removeEventListener('keydown', quick);
    };
  }, [active]);
  return worst;
}

export const latencyText = (worst: number | null): string | null =>
  worst === null ? null : worst < LEAST_MS ? `under ${LEAST_MS} ms` : `${Math.round(worst)} ms`;
