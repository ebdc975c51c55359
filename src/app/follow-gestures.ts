import type { HistoryController } from '../state/history/controller';

/** Tells the history when a person presses and lets go, so that a drag or a held key is one step of undo. */
export function followGestures(history: Pick<HistoryController, 'press' | 'release'>): void {
  const options = { capture: true, passive: true };
  addEventListener('pointerdown', () => history.press(null), options);
  addEventListener(
    'keydown',
    ({ key, repeat }: KeyboardEvent) => {
      if (!repeat) history.press(key);
    },
    options,
  );
  for (const end of ['pointerup', 'pointercancel', 'keyup'] as const)
    addEventListener(end, () => history.release(), options);
  addEventListener('blur', () => history.release());
}
