/**
 * From a person's input to the painted picture of it: what the page measures of itself while Seed is dragged
 * (app/latency.ts). Each is a
 * `performance.measure` of this name, which a PerformanceObserver reads (bench/latency.ts does). It begins with the
 * time stamp that the browser gave the event, so that what waits before the page hears of it counts, and ends in the
 * first task after the frame that holds the picture was handed over to be shown; what the screen takes after that no
 * page can see.
 */
export const INPUT_TO_PICTURE = 'innate:input-to-picture';

/** What of the view had come. */
export interface InputToPicture {
  /** The selected image alone, or all that are in view. */
  what: 'selected' | 'all';
  seed: number;
  /** Whether the picture is of this input; otherwise a later input came before its picture, and that one's is counted. */
  own: boolean;
}
