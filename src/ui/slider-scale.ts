/** How a slider's positions and values belong together, and what its keys do. */
export interface SliderScale {
  min: number;
  max: number;
  /** What an arrow key adds and a drag snaps to; for log scales in decades. */
  step: number;
  log?: boolean;
  /** A finer step, with Alt; a scale without one has no values between its steps. */
  fine?: number;
}

export const toPosition = (scale: SliderScale, value: number): number =>
  scale.log ? Math.log10(value) : value;

export function toValue(scale: SliderScale, position: number): number {
  const value = scale.log ? 10 ** position : position;
  return scale.log ? Number(value.toPrecision(3)) : value;
}

export function snap(position: number, step: number): number {
  const snapped = Math.round(position / step) * step;
  // 0.30000000000000004 is not a step of 0.1
  return Number(snapped.toFixed(6));
}

/**
 * The position after a key, not yet limited to the range; null when the key is not a slider's.
 * Arrows one step, with Shift ten, with Alt a fine one where there is one; Page keys a tenth of the range; Home and End the ends.
 */
export function keyPosition(
  scale: SliderScale,
  position: number,
  key: string,
  modifiers: { shiftKey: boolean; altKey: boolean },
): number | null {
  const low = toPosition(scale, scale.min);
  const high = toPosition(scale, scale.max);
  const step = modifiers.shiftKey
    ? scale.step * 10
    : modifiers.altKey
      ? (scale.fine ?? scale.step)
      : scale.step;
  const page = Math.max(scale.step, snap((high - low) / 10, scale.step));
  const move = (by: number) => Number((position + by).toFixed(6));
  switch (key) {
    case 'ArrowRight':
    case 'ArrowUp':
      return move(step);
    case 'ArrowLeft':
    case 'ArrowDown':
      return move(-step);
    case 'PageUp':
      return move(page);
    case 'PageDown':
      return move(-page);
    case 'Home':
      return low;
    case 'End':
      return high;
    default:
      return null;
  }
}
