import { useStore } from 'zustand';
import { useShallow } from 'zustand/react/shallow';
import type { Controller } from '../controller';
import { useApp } from '../react';
import { MeasureController, type MeasureExtras } from './controller';

/** Made when a view that measures is first shown, and kept with what it does. */
const controllers = new WeakMap<Controller, MeasureController>();

export function useMeasuring(): MeasureController {
  const { controller, stores } = useApp();
  let measuring = controllers.get(controller);
  if (!measuring) {
    measuring = new MeasureController({
      client: controller.inside.client,
      store: stores.measure,
      steps: controller.steps,
    });
    controllers.set(controller, measuring);
  }
  return measuring;
}

export const useExtras = <T>(select: (extras: MeasureExtras) => T): T =>
  useStore(useMeasuring().extras, useShallow(select));
