import type { Controller } from '../state/controller';

/** Tells when a person presses and lets go: a drag or a held key is one step of undo. */
export function followGestures({ press, release }: Pick<Controller, 'press' | 'release'>): void {
  const options = { capture: true, passive: true };
  addEventListener('pointerdown', () => press(null), options);
  addEventListener(
    'keydown',
    ({ key, repeat }: KeyboardEvent) => {
      if (!repeat) press(key);
    },
    options,
  );
  for (const end of ['pointerup', 'pointercancel', 'keyup'] as const)
    addEventListener(end, () => release(), options);
  addEventListener('blur', () => release());
}
