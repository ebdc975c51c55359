import { createStore, type StoreApi } from 'zustand/vanilla';
import type { ErrorDetail } from '../../lib/errors';
import type { Wanted } from '../../protocol/downloads';
import type { FileChoice } from '../../protocol/models';
import type { Consent } from './wanted';

/** Something about a download that a person should read. */
export interface DownloadNews {
  id: string;
  /** One or more whole sentences. */
  text: string;
  failed: boolean;
  /** What can be copied and opened by hand; null where that helps nobody. */
  address: string | null;
  /** Key of a model that has come; null where none has. */
  use: string | null;
  /** What a person can choose so that the file that has come can be read, and what they chose before. */
  choose?: NonNullable<ErrorDetail['choose']> & { before: FileChoice };
}

export interface DownloadsState {
  /** The dialog that is open; null = none. */
  consent: Consent | null;
  /** Downloads of pasted addresses that are not whole; their rows say how far they are. */
  pasted: readonly Wanted[];
  news: readonly DownloadNews[];
}

export type DownloadsStore = StoreApi<DownloadsState>;
export const createDownloadsStore = (): DownloadsStore =>
  createStore(() => ({ consent: null, pasted: [], news: [] }));
