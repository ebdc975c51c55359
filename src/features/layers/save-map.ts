import type { Controller } from '../../state/controller';
import { type FigureFormat, saveFindings } from './save';
import { layersController } from './use-layers';

/** Saves the map that the tab shows; gives the line that says what was saved. */
export const saveMap = (controller: Controller, format: FigureFormat): Promise<string> =>
  saveFindings(layersController(controller).store.getState(), format);
