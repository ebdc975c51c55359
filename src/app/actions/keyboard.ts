import type { Registry } from '../../state/actions/registry';
import { shortcutOf } from '../../state/actions/shortcut';

/** Performs the action of a key, unless the key is meant for a field, a dialog or the browser. */
export function handleKey(event: KeyboardEvent, registry: Registry): void {
  if (event.defaultPrevented || event.repeat || event.isComposing) return;
  if (document.querySelector('dialog[open]')) return;
  const shortcut = shortcutOf(event);
  // Letters belong to what is typed into, and so does its own undo; what nobody types works there too.
  if (shortcut !== 'mod+k' && event.target instanceof Element && takesText(event.target)) return;
  const action = registry.ofShortcut(shortcut);
  if (!action) return;
  event.preventDefault();
  void registry.perform(action);
}

function takesText(element: Element): boolean {
  if (element instanceof HTMLInputElement) return element.type !== 'range' && element.type !== 'file';
  return element instanceof HTMLSelectElement || element instanceof HTMLTextAreaElement;
}
