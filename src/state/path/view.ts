import { FPS, LEG } from '../../lib/path';
import { formatPins, type Pin, readPins } from '../generate/points';

/** A path as a link carries it beside the pins: `leg=24&fps=30&loop=1&frame=36&stops=7@sigma=2;7@sigma=80&scaled=BLOCK:0:2`. */
export interface PathView {
  /** Frames from a stop to the next. */
  leg: number;
  fps: number;
  loop: boolean;
  /** Where it stands. */
  frame: number;
  /** What it goes through; null = the pins. */
  stops: readonly Pin[] | null;
  /** What a block adds is scaled by, from the first stop to the last; null = as trained. */
  gain: { block: string; from: number; to: number } | null;
}

export const DEFAULT_PATH: PathView = { leg: 24, fps: 24, loop: true, frame: 0, stops: null, gain: null };

/** A path from one end of `stops`, or of a gain, to the other: both ends are frames of it, and it plays once. */
export const sweep = (frames: number, along: Pick<PathView, 'stops' | 'gain'>): PathView => ({
  ...DEFAULT_PATH,
  leg: frames - 1,
  loop: false,
  ...along,
});

/** Names of the parameters of a path in a link. */
export const PATH_PARAMS: ReadonlySet<string> = new Set(['leg', 'fps', 'loop', 'frame', 'stops', 'scaled']);

/** A path has no more frames than a few minutes have. */
export const MOST_FRAMES = 10_000;
/** By how much a path may scale what a block adds. */
export const SCALED = { min: 0, max: 4 } as const;
const BLOCK = /^[\w.-]{1,80}$/;

export function formatPath({ leg, fps, loop, frame, stops, gain }: PathView): string {
  const params = new URLSearchParams({ leg: String(leg), fps: String(fps), loop: loop ? '1' : '0' });
  if (frame > 0) params.set('frame', String(frame));
  if (stops) params.set('stops', formatPins(stops));
  if (gain) params.set('scaled', `${gain.block}:${gain.from}:${gain.to}`);
  return params.toString();
}

/** The path of a link's query; null where it has none. What is not understood becomes the default; `problems` says so. */
export function readPath(query: string): { path: PathView | null; problems: string[] } {
  const params = new URLSearchParams(query);
  const problems: string[] = [];
  if (!params.has('leg')) return { path: null, problems };
  const number = (name: 'leg' | 'fps' | 'frame', { min, max }: { min: number; max: number }) => {
    const text = params.get(name);
    if (text === null) return DEFAULT_PATH[name];
    const value = Number(text);
    if (Number.isInteger(value) && value >= min && value <= max) return value;
    problems.push(
      `The link has “${text.slice(0, 40)}” for ${name} of its path, but it must be a whole number from ${min} to ${max}: the default is shown.`,
    );
    return DEFAULT_PATH[name];
  };
  const stops = params.has('stops') ? readPins(params.get('stops')!) : null;
  for (const text of stops?.unread ?? [])
    problems.push(`The link has a stop, “${text.slice(0, 40)}”, that cannot be read: it is left out.`);
  const gain = params.has('scaled') ? readGain(params.get('scaled')!) : null;
  if (params.has('scaled') && !gain)
    problems.push('The link has a gain of its path that cannot be read: the block is as trained.');
  return {
    path: {
      leg: number('leg', LEG),
      fps: number('fps', FPS),
      loop: params.get('loop') !== '0',
      frame: number('frame', { min: 0, max: MOST_FRAMES }),
      stops: stops && stops.pins.length > 0 ? stops.pins : null,
      gain,
    },
    problems,
  };
}

function readGain(text: string): PathView['gain'] {
  const [, block = '', from, to] = /^(.+):([\d.]+):([\d.]+)$/.exec(text) ?? [];
  const fits = (n: number) => n >= SCALED.min && n <= SCALED.max;
  if (!BLOCK.test(block) || !fits(Number(from)) || !fits(Number(to))) return null;
  return { block, from: Number(from), to: Number(to) };
}
