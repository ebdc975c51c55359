/** The parts of a KeyboardEvent that are read. */
export interface KeyPress {
  key: string;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
  shiftKey: boolean;
}

const LETTER_OR_NAME = /^(\p{L}|[A-Z][A-Za-z]+\d*)$/u;

/**
 * A key press as actions write their shortcuts: 'mod', 'alt' and 'shift' in this order before the key in lower case.
 * Shift counts with letters and named keys alone: '?' is on another key on every keyboard, and says it all by itself.
 */
export function shortcutOf({ key, ctrlKey, metaKey, altKey, shiftKey }: KeyPress): string {
  const parts = [
    (ctrlKey || metaKey) && 'mod',
    altKey && 'alt',
    shiftKey && LETTER_OR_NAME.test(key) && 'shift',
    key.toLowerCase(),
  ];
  return parts.filter((part) => part !== false).join('+');
}

const APPLE: Record<string, string> = { mod: '⌘', alt: '⌥', shift: '⇧' };
const ELSEWHERE: Record<string, string> = { mod: 'Ctrl', alt: 'Alt', shift: 'Shift' };

/** A shortcut as it is written on keyboards: ['Ctrl', 'K']. */
export function keysOf(shortcut: string, apple = isApple()): string[] {
  const names = apple ? APPLE : ELSEWHERE;
  return shortcut
    .split('+')
    .map((part) => names[part] ?? (part.length === 1 ? part.toUpperCase() : capital(part)));
}

/** A shortcut for `aria-keyshortcuts`: 'Control+K'. */
export function ariaKeys(shortcut: string, apple = isApple()): string {
  const names: Record<string, string> = { mod: apple ? 'Meta' : 'Control', alt: 'Alt', shift: 'Shift' };
  return shortcut
    .split('+')
    .map((part) => names[part] ?? (part.length === 1 ? part.toUpperCase() : capital(part)))
    .join('+');
}

const capital = (word: string) => word.charAt(0).toUpperCase() + word.slice(1);

const isApple = () => typeof navigator !== 'undefined' && /mac|iphone|ipad/i.test(navigator.platform);
