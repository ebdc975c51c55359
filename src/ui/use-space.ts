import { type RefObject, useLayoutEffect, useState } from 'react';

/**
 * Inner width and height of an element, kept up to date; null before it is there. Follows the element of the ref also
 * where it is taken away and comes back as another one.
 */
export function useSpace(element: RefObject<HTMLElement | null>): { width: number; height: number } | null {
  const [space, setSpace] = useState<{ width: number; height: number } | null>(null);
  const [target, setTarget] = useState<HTMLElement | null>(null);
  useLayoutEffect(() => setTarget(element.current)); // at every rendering: React says nothing when a ref changes
  useLayoutEffect(() => {
    if (!target) return;
    const read = () => {
      if (!target.isConnected) return; // an element that is gone has no style, and no size
      const style = getComputedStyle(target);
      const width =
        target.clientWidth - Number.parseFloat(style.paddingLeft) - Number.parseFloat(style.paddingRight);
      const height =
        target.clientHeight - Number.parseFloat(style.paddingTop) - Number.parseFloat(style.paddingBottom);
      setSpace((old) => (old?.width === width && old.height === height ? old : { width, height }));
    };
    read();
    const observer = new ResizeObserver(read);
    observer.observe(target);
    return () => observer.disconnect();
  }, [target]);
  return space;
}

/** Follows a media query. */
export function useMedia(query: string): boolean {
  const [matches, setMatches] = useState(() => matchMedia(query).matches);
  useLayoutEffect(() => {
    const list = matchMedia(query);
    const read = () => setMatches(list.matches);
    read();
    list.addEventListener('change', read);
    return () => list.removeEventListener('change', read);
  }, [query]);
  return matches;
}

export const NARROW = '(max-width: 47.99rem)';
export const WIDE = '(min-width: 75rem)';
