import type { KeptArchive } from '../../protocol/exports';

/** What the page shows of exports. */
export interface ExportsState {
  /** The archive of many images that this browser keeps; undefined until it was looked for. */
  kept: KeptArchive | null | undefined;
}
