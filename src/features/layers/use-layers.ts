import { useEffect } from 'react';
import { useStore } from 'zustand';
import { useShallow } from 'zustand/react/shallow';
import type { Controller } from '../../state/controller';
import { createLayersController, type LayersController } from '../../state/layers/controller';
import type { LayersState } from '../../state/layers/store';
import { useApp } from '../../state/react';

/** Made when the tab is first shown, and kept with what it has measured. */
const controllers = new WeakMap<Controller, LayersController>();

export function layersController(controller: Controller): LayersController {
  let layers = controllers.get(controller);
  if (!layers) {
    layers = createLayersController(controller.inside);
    controllers.set(controller, layers);
  }
  return layers;
}

export const useLayersController = (): LayersController => layersController(useApp().controller);

export const useLayers = <T>(select: (state: LayersState) => T): T =>
  useStore(useLayersController().store, useShallow(select));

/** Measures while the tab is shown. */
export function useShown(): void {
  const layers = useLayersController();
  useEffect(() => {
    layers.show();
    return () => layers.hide();
  }, [layers]);
}
