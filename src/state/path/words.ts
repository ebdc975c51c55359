import { frameCount, framePlace } from '../../lib/path';
import type { Path } from './frames';

const seedText = (seed: number): string => String(Math.round(seed * 1e4) / 1e4);

/** "between seed 4 and seed 18"; at a stop its seed alone. */
export function placeWords({ shape, stops }: Path, frame: number): string {
  const { from, to, at } = framePlace(shape, frame);
  const [a, b] = [seedText(stops[from]!.seed), seedText(stops[to]!.seed)];
  if (at === 0 || a === b) return `seed ${a}`;
  return at === 1 ? `seed ${b}` : `between seed ${a} and seed ${b}`;
}

/** The accessible name of a frame. */
export const frameName = (path: Path, frame: number): string =>
  `${path.model.name}, frame ${frame + 1} of ${frameCount(path.shape)}, ${placeWords(path, frame)}`;

/** What stands under a stop's tick: its seed, or what of it changes where all have one seed. */
export function stopLabel({ stops, model, gain }: Path, stop: number): string {
  const pin = stops[stop % stops.length]!;
  if (stops.some(({ seed }) => seed !== pin.seed)) return seedText(pin.seed);
  const at = (stop % stops.length) / (stops.length - 1);
  if (gain) return `×${seedText(gain.from + (gain.to - gain.from) * at)}`;
  if (stops.some(({ sigma }) => sigma !== pin.sigma)) return `σ ${seedText(pin.sigma ?? model.sigma)}`;
  if (stops.some(({ temperature }) => temperature !== pin.temperature)) return seedText(pin.temperature);
  if (pin.classIndex !== null) return model.classes?.[pin.classIndex] ?? String(pin.classIndex);
  return seedText(pin.seed);
}
