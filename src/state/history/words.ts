import { ownWeight } from '../../lib/class-mix';
import { counted } from '../../lib/words';
import { className, type ModelFacts } from '../models';
import type { HeldView } from './store';

/** The keys of a view that differ, but for which image is selected: that is no change of what is made. */
export function changedKeys(before: HeldView, next: HeldView): (keyof HeldView)[] {
  const keys = Object.keys(next) as (keyof HeldView)[];
  return keys.filter((key) => key !== 'selected' && !same(before[key], next[key]));
}

/** Lists are made anew when a link is read: they are compared by what they hold. */
const same = (a: unknown, b: unknown): boolean =>
  a === b || (typeof a === 'object' && typeof b === 'object' && JSON.stringify(a) === JSON.stringify(b));

/** What a view was changed by, in two or three words. */
export function changeWords(
  keys: readonly (keyof HeldView)[],
  view: HeldView,
  model: ModelFacts | null,
): string {
  const has = (key: keyof HeldView) => keys.includes(key);
  if (has('compare')) return view.compare ? 'compare' : 'one model';
  if (has('comparison')) return 'rows';
  if (has('model')) return model?.name.split(/[,(]/)[0]?.trim() ?? 'model';
  if (has('pins')) return counted(view.pins.length, 'pin');
  if (has('path')) return view.path === '' ? 'no path' : 'path';
  if (has('seed')) return seedWords(view.seed);
  if (has('mix')) return view.mix.length > 0 ? `mix ${number(1 - ownWeight(view.mix))}` : 'no mix';
  if (has('classIndex'))
    return view.classIndex === null ? 'any class' : className(model?.classes ?? null, view.classIndex);
  if (has('temperature')) return `temp. ${number(view.temperature)}`;
  if (has('sigma')) return view.sigma === null ? 'own sigma' : `sigma ${number(view.sigma)}`;
  if (has('own'))
    return view.own.some(({ noise }) => noise) ? 'own noise' : view.own.length > 0 ? 'own class' : 'none own';
  if (has('sampler') || has('steps'))
    return view.sampler === 'heun' ? `Heun ${view.steps ?? ''}`.trim() : 'steps';
  if (has('count')) return counted(view.count, 'image');
  return seedWords(view.seed);
}

const number = (value: number) => String(Math.round(value * 100) / 100);

/** A long number has the room under a small picture to itself. */
const seedWords = (seed: number) => (seed < 1e4 ? `seed ${number(seed)}` : number(seed));
