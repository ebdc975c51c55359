import { useCallback } from 'react';
import { useApp } from '../react';
import { sortFiles } from './dropped';

/**
 * Puts files where they belong, whatever part of the page they came to: images to Distil, checkpoints among the models
 * (beside the settings of a run, as its teacher). What belongs nowhere is said.
 */
export function useReceive(): (files: readonly File[]) => Promise<void> {
  const { controller, stores, announce } = useApp();
  return useCallback(
    async (files) => {
      const { checkpoints, data, refused } = await sortFiles(files);
      if (data.length > 0) {
        // First, so that a checkpoint that came with them is their teacher.
        stores.view.setState({ tab: 'distil' });
        controller.distil.show('setup');
        controller.distil.takeFiles(data);
      }
      controller.distil.refuse(refused);
      if (refused) announce(refused);
      for (const file of checkpoints) await controller.open(file);
    },
    [controller, stores, announce],
  );
}
