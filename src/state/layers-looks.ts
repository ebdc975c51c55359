import type { EngineClient } from '../engine/client';
import type { LookRequest } from '../engine/layers-protocol';
import { asInnateError } from '../lib/errors';
import type { LayersStore, Looks } from './layers';

/** Asks the engine for the looks of the view, and puts what comes back into the store. */
export class LooksDesk {
  private readonly asked = new Map<keyof Looks, { key: string; order: number; shown: number }>();

  constructor(
    private readonly client: Pick<EngineClient, 'look'>,
    private readonly store: LayersStore,
  ) {}

  /** Asks for what has changed. */
  want(wanted: Readonly<Record<keyof Looks, LookRequest | null>>): void {
    for (const slot of Object.keys(wanted) as (keyof Looks)[]) this.ask(slot, wanted[slot]);
  }

  private ask(slot: keyof Looks, request: LookRequest | null): void {
    const { store, asked } = this;
    const last = asked.get(slot) ?? { key: '', order: 0, shown: 0 };
    const key = request ? JSON.stringify(request) : '';
    if (key === last.key) return;
    const mine = { key, order: last.order + 1, shown: last.shown };
    asked.set(slot, mine);
    if (!request) {
      if (store.getState().looks[slot]) store.setState((s) => ({ looks: { ...s.looks, [slot]: null } }));
      return;
    }
    this.client.look(request).then(
      (result) => {
        const state = asked.get(slot)!;
        // While a hand drags, older pictures are shown as they come, but never after newer ones.
        if (result.kind === 'superseded' || mine.order < state.shown || state.key === '') return;
        asked.set(slot, { ...state, shown: mine.order });
        store.setState((s) => ({ looks: { ...s.looks, [slot]: result } }));
      },
      (error) => {
        if (asked.get(slot)?.key !== key) return;
        const known = asInnateError(error, 'backend');
        if (known.code !== 'cancelled') store.setState({ error: known.describe() });
      },
    );
  }
}
