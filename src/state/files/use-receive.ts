import { useCallback } from 'react';
import { loadPart } from '../../lib/load-part';
import { fail } from '../engine';
import { useApp } from '../react';

/** Puts files where they belong (receive.ts, which is loaded with the first of them). */
export function useReceive(): (files: readonly File[]) => Promise<void> {
  const { controller, stores, announce } = useApp();
  return useCallback(
    async (files) => {
      try {
        const { receiveFiles } = await loadPart(import('./receive'));
        await receiveFiles({ controller, stores, announce }, files);
      } catch (error) {
        fail(stores.engine, 'page', error);
      }
    },
    [controller, stores, announce],
  );
}
