import {
  type KeyboardEvent,
  type PointerEvent,
  type RefObject,
  useEffect,
  useLayoutEffect,
  useRef,
  useState,
} from 'react';
import { rowTitle } from '../../../lib/row-caption';
import { useApp } from '../../../state/react';
import type { ShownRow } from './use-rows';

interface Options {
  rows: readonly ShownRow[];
  body: RefObject<HTMLTableSectionElement | null>;
  onMoved: (said: string) => void;
}

/** Moves rows by their grips: dragged, a row takes the place of the one that the pointer is over; arrow keys move it by one. */
export function useReorder({ rows, body, onMoved }: Options) {
  const { controller } = useApp();
  const [lifted, setLifted] = useState<number | null>(null);
  const at = useRef<number | null>(null);
  /** The row whose grip gets the focus back: React may have moved its elements. */
  const refocus = useRef<number | null>(null);

  const move = (from: number, to: number) => {
    controller.compare.move(from, to);
    onMoved(`${rowTitle(rows[from]!.figures)} is row ${to + 1} of ${rows.length}`);
  };

  useLayoutEffect(() => {
    if (refocus.current === null) return;
    body.current?.querySelector<HTMLElement>(`[data-row="${refocus.current}"] .grip`)?.focus();
    refocus.current = null;
  });

  // On the document: an element that is moved in the tree loses the pointer that it captured.
  useEffect(() => {
    if (lifted === null) return;
    const onMove = (event: globalThis.PointerEvent) => {
      const from = at.current;
      const over = rowUnder(body.current, event.clientY);
      if (from === null || over === null || over === from) return;
      at.current = over;
      refocus.current = over;
      setLifted(over);
      move(from, over);
    };
    const onEnd = () => {
      at.current = null;
      setLifted(null);
    };
    document.addEventListener('pointermove', onMove);
    document.addEventListener('pointerup', onEnd);
    document.addEventListener('pointercancel', onEnd);
    return () => {
      document.removeEventListener('pointermove', onMove);
      document.removeEventListener('pointerup', onEnd);
      document.removeEventListener('pointercancel', onEnd);
    };
  });

  return {
    lifted,
    onDown(event: PointerEvent<HTMLButtonElement>, index: number) {
      if (event.button !== 0) return;
      at.current = index;
      setLifted(index);
    },
    onKey(event: KeyboardEvent<HTMLButtonElement>, index: number) {
      const to = { ArrowUp: index - 1, ArrowDown: index + 1, Home: 0, End: rows.length - 1 }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      event.stopPropagation();
      if (to < 0 || to >= rows.length || to === index) return;
      refocus.current = to;
      move(index, to);
    },
  };
}

/**
 * The row whose middle half is at that height: at its edges a taller row would change places with a lower one again
 * and again.
 */
function rowUnder(body: HTMLElement | null, y: number): number | null {
  const found = [...(body?.children ?? [])].findIndex((row) => {
    const { top, bottom } = row.getBoundingClientRect();
    const margin = (bottom - top) / 4;
    return y > top + margin && y < bottom - margin;
  });
  return found < 0 ? null : found;
}
