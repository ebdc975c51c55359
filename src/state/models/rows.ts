import { createStore, type StoreApi } from 'zustand/vanilla';
import type { DownloadProgress } from '../../protocol/downloads';
import type { CatalogueModel } from '../../storage/catalogue';

/** Where a public model stands on this device; bytes, bytes a second, seconds. Null where nobody can tell yet. */
export type RowState =
  | { kind: 'not-here' }
  /** Its host hands it to people only. */
  | { kind: 'manual' }
  | {
      kind: 'downloading';
      /** What it is at; receiving where nothing is said. `left` of waiting: seconds until the next attempt. */
      phase?: DownloadProgress['phase'];
      done: number;
      total: number | null;
      rate: number | null;
      left: number | null;
      /** Another tab is at it. */
      elsewhere?: true;
    }
  /** A download that was broken off; what came of it is kept. */
  | { kind: 'broken'; done: number; total: number | null }
  /** `fetched`: by the command line, on the machine that serves this page; else in this browser. */
  | { kind: 'here'; bytes: number; fetched?: true };

/** What a person can ask for at a model's row. Nothing is asked of another host before `download` has asked them. */
export interface RowActions {
  /** Whether its host is one that this page may ask. */
  offers(model: CatalogueModel): boolean;
  download(id: string): void;
  cancel(id: string): void;
  resume(id: string): void;
  /** Deletes what is here of it, whole or in part. */
  remove(id: string): void;
}

/** By id, what differs from the start: a model that has no entry is not here. */
export type RowStates = Readonly<Record<string, RowState>>;
export interface RowsState {
  rows: RowStates;
  /** The part of them that the page's host has: it is there whatever this browser keeps. */
  fetched: RowStates;
}

export type RowsStore = StoreApi<RowsState>;
export const createRowsStore = (): RowsStore => createStore(() => ({ rows: {}, fetched: {} }));

/** Those that can be used; the same entries as long as nothing arrives and nothing is deleted. */
export const hereOf = (rows: RowStates): RowStates =>
  Object.fromEntries(Object.entries(rows).filter(([, state]) => state.kind === 'here'));

const NOT_HERE: RowState = { kind: 'not-here' };
const MANUAL: RowState = { kind: 'manual' };

export const rowState = ({ id, kind }: Pick<CatalogueModel, 'id' | 'kind'>, rows: RowStates): RowState =>
  rows[id] ?? (kind === 'manual' ? MANUAL : NOT_HERE);

/** Whether it is for a person to get: its host hands it to people only, or is none that this page may ask. */
export const isByHand = (model: CatalogueModel, state: RowState, actions: RowActions | null): boolean =>
  state.kind === 'manual' || (state.kind === 'not-here' && !actions?.offers(model));

/** Whether something of it is on this device: the whole, a part, or one that is coming. */
export const isHere = (state: RowState): boolean => state.kind !== 'not-here' && state.kind !== 'manual';
