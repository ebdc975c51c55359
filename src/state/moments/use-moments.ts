import type { Controller } from '../controller';
import { useMeasuring } from '../measure/use-measuring';
import { useApp } from '../react';
import { MomentsController } from './controller';

/** Made when a run that is over is first shown, and kept with what it does. */
const controllers = new WeakMap<Controller, MomentsController>();

export function useMoments(): MomentsController {
  const { controller, stores } = useApp();
  const { extras } = useMeasuring();
  let moments = controllers.get(controller);
  if (!moments) {
    const { client } = controller.inside;
    moments = new MomentsController({
      client,
      distil: stores.distil,
      steps: controller.steps,
      inception: () => extras.getState().inception,
    });
    controllers.set(controller, moments);
  }
  return moments;
}
