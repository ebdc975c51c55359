import { fail } from '../engine';
import type { Action, ActionContext, ActionFamily } from './action';

/** Every action of the page, and what is to be known of it now. */
export class Registry {
  private readonly byId: ReadonlyMap<string, Action>;

  constructor(
    private readonly app: ActionContext,
    readonly actions: readonly Action[],
    private readonly families: readonly ActionFamily[] = [],
  ) {
    this.byId = new Map(actions.map((action) => [action.id, action]));
  }

  /** All actions, those of the families as they are now. */
  list(): Action[] {
    return [...this.actions, ...this.families.flatMap((family) => family(this.app))];
  }

  get(id: string): Action {
    const action = this.byId.get(id);
    if (!action) throw new Error(`no action is called ${id}`);
    return action;
  }

  /** The action of a key that can be done now. */
  ofShortcut(shortcut: string): Action | null {
    const action = this.actions.find((a) => a.shortcut === shortcut);
    return action && this.obstacle(action) === null ? action : null;
  }

  /** Why the action cannot be done now; null = it can. */
  obstacle(action: Action): string | null {
    return action.obstacle?.(this.app) ?? null;
  }

  /** Does it, unless it cannot be done now. What goes wrong is said in the page's error line. */
  async perform(action: Action): Promise<void> {
    if (this.obstacle(action) !== null) return;
    try {
      await action.perform(this.app);
    } catch (error) {
      fail(this.app.stores.engine, 'page', error);
    }
  }
}
