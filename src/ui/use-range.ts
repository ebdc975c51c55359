import { type RefObject, useEffect, useRef } from 'react';
import { keyPosition, type SliderScale, snap, toPosition, toValue } from './slider-scale';

interface RangeProps extends SliderScale {
  value: number;
  onChange: (value: number) => void;
  /** Where keys may go beyond the scale that is shown. */
  limits?: { min: number; max: number };
  reset?: { onReset: () => void };
}

/**
 * Makes a range input follow a value, and its pointer and keys change it; gives the ref to hang on the input. The input
 * is uncontrolled and its native events are used: the marker never waits for a render, and setting the value that is
 * already shown still counts.
 */
export function useRange(props: RangeProps): RefObject<HTMLInputElement | null> {
  const input = useRef<HTMLInputElement>(null);
  const latest = useRef(props);
  latest.current = props;
  const { value } = props;
  const low = toPosition(props, props.min);
  const high = toPosition(props, props.max);
  useEffect(() => {
    const element = input.current!;
    element.min = String(low);
    element.max = String(high);
    element.value = String(toPosition(latest.current, value));
  }, [value, low, high]);
  useEffect(() => listen(input.current!, () => latest.current), []);
  return input;
}

/** Pointer, key and input events of the range element; values go to the newest props. */
function listen(element: HTMLInputElement, props: () => RangeProps): () => void {
  const ends = new AbortController();
  const on = <K extends keyof HTMLElementEventMap>(
    type: K,
    listener: (event: HTMLElementEventMap[K]) => void,
  ) => element.addEventListener(type, listener, { signal: ends.signal });

  const set = (position: number, wide = false) => {
    const { min, max, limits } = props();
    const [low, high] = wide && limits ? [limits.min, limits.max] : [min, max];
    const value = Math.min(high, Math.max(low, toValue(props(), position)));
    element.value = String(toPosition(props(), value));
    props().onChange(value);
  };

  // Where the drag is, in positions: relative to the last event, so that fine and coarse can alternate.
  let drag: { x: number; position: number } | null = null;
  let touching = false;
  const perPixel = () => (Number(element.max) - Number(element.min)) / Math.max(1, element.clientWidth - 12);

  on('pointerdown', (event) => {
    if (event.button !== 0) return;
    touching = event.pointerType === 'touch';
    if (touching) return; // the browser's own drag: it knows when a finger scrolls
    event.preventDefault();
    element.focus({ focusVisible: false } as FocusOptions);
    element.setPointerCapture(event.pointerId);
    const offset = event.clientX - element.getBoundingClientRect().left - 6;
    const position = isFine(event, props())
      ? Number(element.value)
      : Number(element.min) + offset * perPixel();
    drag = { x: event.clientX, position };
    if (!isFine(event, props())) set(snap(position, props().step));
  });
  on('pointermove', (event) => {
    if (!drag) return;
    const { fine, step } = props();
    const precise = fine !== undefined && isFine(event, props());
    const moved = (event.clientX - drag.x) * (precise ? fine : perPixel());
    const ends = [Number(element.min), Number(element.max)] as const;
    drag = { x: event.clientX, position: drag.position + moved };
    // Beyond the ends the hand has to come back before the marker does, as with any slider.
    const inside = Math.min(ends[1], Math.max(ends[0], drag.position));
    if (moved !== 0) set(snap(inside, precise ? fine : step));
  });
  for (const type of ['pointerup', 'pointercancel'] as const)
    on(type, () => {
      drag = null;
      touching = false;
    });

  on('input', () => {
    const position = Number(element.value);
    set(touching ? snap(position, props().step) : position);
  });
  on('keydown', (event) => {
    const position = keyPosition(props(), Number(element.value), event.key, event);
    if (position === null) return;
    event.preventDefault();
    set(position, true);
  });
  on('dblclick', () => props().reset?.onReset());
  return () => ends.abort();
}

const isFine = (event: PointerEvent, { fine }: RangeProps) =>
  fine !== undefined && (event.altKey || event.shiftKey);
