import { type RefObject, useEffect, useState } from 'react';
import './Magnifier.css';
import { PictureCanvas, type PictureSource } from './PictureCanvas';

/** How long a pointer rests on an image before it is magnified, ms. */
const REST_MS = 300;
/** How much larger it is than in the grid. */
const TIMES = 2;
/** Between the pointer and the magnified image, and from the edge of the window, CSS pixels. */
const APART = 16;
const EDGE = 8;

interface At {
  index: number;
  x: number;
  y: number;
}

interface Props {
  /** Its entries are the images, in order. */
  list: RefObject<HTMLElement | null>;
  source: PictureSource;
  /** Of an image in the list, CSS pixels. */
  size: number;
}

/**
 * The image under a mouse that rests, twice as large beside the pointer, until it leaves, presses or scrolls. For the
 * eye alone: it is the same image once more.
 */
export function Magnifier({ list, source, size }: Props) {
  const [at, setAt] = useState<At | null>(null);
  useEffect(() => listen(list.current!, setAt), [list]);
  if (!at) return null;
  const edge = size * TIMES;
  const right = at.x + APART + edge + EDGE <= innerWidth;
  const left = Math.max(EDGE, right ? at.x + APART : at.x - APART - edge);
  const top = Math.max(EDGE, Math.min(at.y - edge / 2, innerHeight - edge - EDGE));
  return (
    <div className="magnifier" style={{ left, top }} aria-hidden>
      <PictureCanvas source={source} index={at.index} size={edge} decorative />
    </div>
  );
}

function listen(list: HTMLElement, show: (at: At | null) => void): () => void {
  /** The image that the pointer is on, whether it has rested there, and where the pointer is. */
  let over: { index: number; rested: boolean; x: number; y: number } | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const hide = () => {
    clearTimeout(timer);
    if (over) show(null);
    over = null;
  };
  const move = ({ pointerType, buttons, target, clientX: x, clientY: y }: PointerEvent) => {
    const entry = pointerType === 'mouse' && buttons === 0 ? (target as Element).closest('li') : null;
    const index = entry ? [...list.children].indexOf(entry) : -1;
    if (index < 0) return hide();
    if (over?.index === index) {
      Object.assign(over, { x, y });
      if (over.rested) show({ index, x, y });
      return;
    }
    hide();
    const mine = { index, rested: false, x, y };
    over = mine;
    timer = setTimeout(() => {
      mine.rested = true;
      show({ index, x: mine.x, y: mine.y });
    }, REST_MS);
  };
  const ends = new AbortController();
  const { signal } = ends;
  list.addEventListener('pointermove', move, { signal });
  for (const type of ['pointerleave', 'pointerdown'] as const) list.addEventListener(type, hide, { signal });
  for (const type of ['scroll', 'keydown', 'blur'] as const)
    addEventListener(type, hide, { signal, capture: true, passive: true });
  return () => {
    ends.abort();
    clearTimeout(timer);
  };
}
