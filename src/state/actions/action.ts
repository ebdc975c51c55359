import type { Stores } from '../app-state';
import type { Controller } from '../controller';

/** What an action may use. */
export interface ActionContext {
  stores: Stores;
  controller: Controller;
  /** Says a passing confirmation, and offers one thing that can be done about it. */
  announce: (text: string, action?: { label: string; perform: () => void }) => void;
  /** Opens the dialog that explains the page. */
  showHelp: () => void;
  /** Opens the list in which every action is found by its name. */
  showPalette: () => void;
  /** Lets a person choose a checkpoint. */
  chooseFile: () => void;
}

/** Under which heading an action stands in Help and in the palette, in this order. */
export const GROUPS = [
  'Images',
  'Between seeds',
  'Take away',
  'Compare',
  'Distil',
  'Layers',
  'Models',
  'Page',
] as const;
export type ActionGroup = (typeof GROUPS)[number];

/**
 * What a person can do. Keys, buttons, menus, Help and the command palette read the one list of them (app/actions), so
 * that a name, a key and a reason why something cannot be done are the same everywhere.
 */
export interface Action {
  /** What code calls it: 'save-png'. */
  id: string;
  /** What people call it, in sentence case: a verb and what it is about. */
  name: string;
  group: ActionGroup;
  /**
   * The key that does it from anywhere, as `shortcutOf` writes it: 'g', '?', 'mod+k' (Control, on Apple's machines
   * Command), 'shift+p', 'mod+shift+z'. No two actions have the same one.
   */
  shortcut?: string;
  /** What else people might look for, in words apart. */
  keywords?: string;
  /** Why it cannot be done now, in a sentence without a full stop; null = it can. */
  obstacle?: (app: ActionContext) => string | null;
  perform: (app: ActionContext) => void | Promise<void>;
}

/** Actions that follow from the state: one a model, one a saved run. They have no shortcuts. */
export type ActionFamily = (app: ActionContext) => readonly Action[];
