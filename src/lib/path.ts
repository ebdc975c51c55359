/** A path through stops: so many frames from one to the next, back to the first where it is a loop. */
export interface PathShape {
  stops: number;
  /** Frames from a stop to the next, the first of the two included. */
  leg: number;
  loop: boolean;
}

/** A frame's place: `at` 0 is the stop `from` itself, 1 would be `to`. */
export interface FramePlace {
  from: number;
  to: number;
  at: number;
}

export const LEG = { min: 1, max: 240 } as const;
export const FPS = { min: 1, max: 60 } as const;

const legs = ({ stops, loop }: PathShape): number => (loop ? stops : stops - 1);

/** How many frames a path has. A loop ends before its first frame would come again; any other ends at its last stop. */
export function frameCount(shape: PathShape): number {
  if (shape.stops < 2) return 0;
  return legs(shape) * shape.leg + (shape.loop ? 0 : 1);
}

export function framePlace(shape: PathShape, frame: number): FramePlace {
  const from = Math.min(Math.floor(frame / shape.leg), legs(shape) - 1);
  return { from, to: (from + 1) % shape.stops, at: frame / shape.leg - from };
}

/** The frames that a walk of `count` places shows, evenly from the first one on. */
export function walkFrames(frames: number, count: number): number[] {
  const places = Math.min(frames, count);
  return Array.from({ length: places }, (_, i) => Math.floor((i * frames) / places));
}

/** Halfway in ratio where both are above 0: noise levels are told apart by their ratio. */
export const between = (a: number, b: number, at: number, ratio = false): number =>
  ratio && a > 0 && b > 0 ? a * (b / a) ** at : a + (b - a) * at;
