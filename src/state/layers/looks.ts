import { asInnateError } from '../../lib/errors';
import type { EngineClient } from '../../protocol/client';
import type { LookRequest } from '../../protocol/layers';
import type { LayersStore, Looks } from './store';

export type WantedLooks = Readonly<Record<keyof Looks, LookRequest | null>>;

interface Slot {
  /** The request that is wanted now; '' = none. */
  key: string;
  /** Counts requests of this slot. */
  order: number;
  /** Order of the look that is shown. */
  shown: number;
  /** When the wanted one failed; null = it has not. */
  failedAt: number | null;
}

/** A look that failed is not tried again more often than this. */
const PAUSE_MS = 2000;

/** Asks the engine for the looks of the view, and puts what comes back into the store. */
export class LooksDesk {
  private readonly slots = new Map<keyof Looks, Slot>();

  constructor(
    private readonly client: Pick<EngineClient, 'look'>,
    private readonly store: LayersStore,
    private readonly now: () => number,
  ) {}

  /**
   * Says which of the looks that are shown are not of what is wanted now. `drop`: these are taken away at once,
   * since they would be taken for what they are not; else they stay until the new ones are here.
   */
  mark(wanted: WantedLooks, drop: boolean): void {
    const { looks, awaited } = this.store.getState();
    const next = { ...looks };
    const waiting = new Set<keyof Looks>();
    for (const slot of slotsOf(wanted)) {
      const request = wanted[slot];
      const shown = looks[slot];
      const fits = request !== null && shown !== null && keyOf(shown.of) === keyOf(request);
      if (request && !fits) waiting.add(slot);
      if (shown && (!request || (drop && !fits))) next[slot] = null;
    }
    const dropped = slotsOf(wanted).some((slot) => next[slot] !== looks[slot]);
    const same = waiting.size === awaited.size && [...waiting].every((slot) => awaited.has(slot));
    if (dropped || !same)
      this.store.setState({ ...(dropped && { looks: next }), ...(!same && { awaited: waiting }) });
  }

  /** Asks for what has changed, and for what has failed: `again` at once, else after a pause. */
  want(wanted: WantedLooks, again: boolean): void {
    for (const slot of slotsOf(wanted)) {
      const last = this.slots.get(slot) ?? { key: '', order: 0, shown: 0, failedAt: null };
      const request = wanted[slot];
      const key = request ? keyOf(request) : '';
      const failed = last.failedAt !== null && (again || this.now() - last.failedAt >= PAUSE_MS);
      if (key === last.key && !failed) continue;
      this.slots.set(slot, { key, order: last.order + 1, shown: last.shown, failedAt: null });
      if (request) this.ask(slot, request, last.order + 1);
    }
    this.mark(wanted, false);
  }

  private ask(slot: keyof Looks, request: LookRequest, order: number): void {
    const { store, slots } = this;
    this.client.look(request).then(
      (result) => {
        const state = slots.get(slot)!;
        const current = state.order === order;
        if (current && result.kind === 'superseded') slots.set(slot, { ...state, failedAt: this.now() });
        // While a hand drags, older pictures are shown as they come, but never after newer ones, and never of
        // another network than the one in view.
        if (result.kind === 'superseded' || order < state.shown || state.key === '') return;
        if (!current && !sameSubject(JSON.parse(state.key) as LookRequest, request)) return;
        slots.set(slot, { ...state, shown: order });
        store.setState((s) => ({
          looks: { ...s.looks, [slot]: { ...result, of: request } },
          awaited: current ? without(s.awaited, slot) : s.awaited,
          error: s.error?.of === slot ? null : s.error,
        }));
      },
      (error) => {
        const state = slots.get(slot)!;
        if (state.order !== order) return;
        slots.set(slot, { ...state, failedAt: this.now() });
        const known = asInnateError(error, 'backend');
        if (known.code !== 'cancelled') store.setState({ error: { of: slot, line: known.describe() } });
      },
    );
  }
}

const slotsOf = (wanted: WantedLooks) => Object.keys(wanted) as (keyof Looks)[];

const keyOf = (request: LookRequest): string => JSON.stringify(request);

/** Whether two looks differ only in what a hand drags. */
const sameSubject = (a: LookRequest, b: LookRequest): boolean =>
  JSON.stringify([a.model, a.want, a.row, a.input.kind]) ===
  JSON.stringify([b.model, b.want, b.row, b.input.kind]);

function without<T>(set: ReadonlySet<T>, value: T): ReadonlySet<T> {
  const rest = new Set(set);
  rest.delete(value);
  return rest;
}
