import type { WayBack } from '../../protocol/distil';
import type { RunSaver } from '../runs/saver';
import type { Diverged } from './errors';

/** The save from which lower rates may help: not one whose weights already give what is not a number. null = none. */
export async function wayBackOf(
  { goBackTo, brokenAt }: Pick<Diverged, 'goBackTo' | 'brokenAt'>,
  saver: Pick<RunSaver, 'load'>,
): Promise<WayBack | null> {
  if (goBackTo === 'best') return goBackTo;
  for (const which of ['last', 'earlier', 'best'] as const) {
    const saved = await saver.load(which);
    if (saved && saved.meta.iteration < brokenAt) return which;
  }
  return null;
}
