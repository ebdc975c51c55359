import { createStore, type StoreApi } from 'zustand/vanilla';

/** What of the playground a person has asked for, and is asked more about. */
export type Asked = 'many' | 'gif' | 'video' | 'frames' | 'code' | 'path';

/** The dialog that is open; null = none. */
export type AskedStore = StoreApi<{ asked: Asked | null }>;
export const createAskedStore = (): AskedStore => createStore(() => ({ asked: null }));
