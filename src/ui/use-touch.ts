import { type RefObject, useEffect, useRef } from 'react';

/** How long a finger rests before that means something, ms. */
const HOLD_MS = 500;
/** How far it may tremble meanwhile, CSS pixels. */
const TREMOR = 10;
/** A pinch counts as a step once the fingers are so much further apart, or nearer. */
const STEP = 1.3;

interface Touches {
  /** A finger has rested on an entry of the list: its position. The tap that would follow is not one. */
  onHold?: ((index: number) => void) | undefined;
  /** Two fingers have gone apart (1) or together (-1) by a step. */
  onPinch?: ((direction: 1 | -1) => void) | undefined;
}

interface Finger {
  x: number;
  y: number;
}

/**
 * What fingers do on an element beside taps and scrolls: rest, or pinch. The style sheet has to leave the element
 * `touch-action: pan-x pan-y`, or the browser zooms the page.
 */
export function useTouch(element: RefObject<HTMLElement | null>, touches: Touches): void {
  const latest = useRef(touches);
  latest.current = touches;
  useEffect(() => listen(element.current!, () => latest.current), [element]);
}

function listen(element: HTMLElement, touches: () => Touches): () => void {
  const fingers = new Map<number, Finger>();
  let apart = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let held = false;
  const distance = () => {
    const [a, b] = [...fingers.values()];
    return a && b ? Math.hypot(a.x - b.x, a.y - b.y) : 0;
  };
  const ends = new AbortController();
  const on = <K extends keyof HTMLElementEventMap>(
    type: K,
    listener: (event: HTMLElementEventMap[K]) => void,
    capture = false,
  ) => element.addEventListener(type, listener, { signal: ends.signal, capture });

  on('pointerdown', (event) => {
    if (event.pointerType !== 'touch') return;
    fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    clearTimeout(timer);
    held = false;
    if (fingers.size === 2) apart = distance();
    const index = [...element.children].findIndex((child) => child.contains(event.target as Node));
    if (fingers.size > 1 || index < 0 || !touches().onHold) return;
    timer = setTimeout(() => {
      held = true;
      navigator.vibrate?.(10);
      touches().onHold?.(index);
    }, HOLD_MS);
  });
  on('pointermove', (event) => {
    const finger = fingers.get(event.pointerId);
    if (!finger) return;
    if (fingers.size === 1) {
      // The finger's start stays: many small tremors make a movement.
      if (Math.hypot(event.clientX - finger.x, event.clientY - finger.y) > TREMOR) clearTimeout(timer);
      return;
    }
    fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    const now = distance();
    if (now > apart * STEP || now * STEP < apart) {
      touches().onPinch?.(now > apart ? 1 : -1);
      apart = now;
    }
  });
  for (const type of ['pointerup', 'pointercancel'] as const)
    on(type, (event) => {
      fingers.delete(event.pointerId);
      clearTimeout(timer);
    });
  // The tap that ends a hold, and the menu that some systems open for one.
  on(
    'click',
    (event) => {
      if (!held) return;
      held = false;
      event.preventDefault();
      event.stopPropagation();
    },
    true,
  );
  on('contextmenu', (event) => {
    if (fingers.size > 0 || held) event.preventDefault();
  });
  return () => {
    ends.abort();
    clearTimeout(timer);
  };
}
